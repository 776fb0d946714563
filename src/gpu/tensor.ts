/**
 * A tensor: a shape over a piece of GPU memory, row-major, contiguous, float32.
 *
 * @module
 */
import type { Slab } from "./memory.ts";

/** Float32 values on the GPU. `offset` is in bytes, a multiple of 256, and not 0 only for views. */
export class Tensor {
  /** Dimensions, outermost first. */
  readonly shape: readonly number[];
  /** Number of values. */
  readonly size: number;
  /** The memory below; shared between views. */
  readonly slab: Slab;
  /** Where the values begin in `slab`, in bytes. */
  readonly offset: number;
  /** Whether a gradient is wanted. Set on parameters; results of ops on a tape have it where an input has. */
  requiresGrad: boolean;
  /** Where a parameter's gradient goes: set by its optimizer, so that all gradients lie in one buffer. */
  grad: Tensor | null = null;

  /**
   * A shape over memory that is there; `Gpu.empty` and `Gpu.tensor` take memory too.
   *
   * @throws {RangeError} where a dimension is no whole number of at least 1
   */
  constructor(shape: readonly number[], slab: Slab, offset = 0, requiresGrad = false) {
    this.shape = shape;
    this.size = count(shape);
    this.slab = slab;
    this.offset = offset;
    this.requiresGrad = requiresGrad;
  }

  /** Bytes of the values. */
  get bytes(): number {
    return this.size * 4;
  }

  /** The same values under another shape of the same size. */
  view(shape: readonly number[]): Tensor {
    if (count(shape) !== this.size) {
      throw new RangeError(
        `Expected a shape of ${this.size} values for [${this.shape}], but found [${shape}]`,
      );
    }
    const view = new Tensor(shape, this.slab, this.offset, this.requiresGrad);
    view.grad = this.grad;
    return view;
  }
}

/** Number of values of a shape; refuses empty and fractional dimensions. */
export function count(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) {
    if (!Number.isInteger(d) || d < 1) {
      throw new RangeError(`Expected dimensions that are whole numbers of at least 1, but found [${shape}]`);
    }
    n *= d;
  }
  return n;
}
