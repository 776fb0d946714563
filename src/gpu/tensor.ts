/**
 * A tensor: a shape over a piece of GPU memory, row-major, contiguous, of values of four bytes, or two.
 *
 * @module
 */
import type { Slab } from "./memory.ts";

/** What the values are. */
export type DType = "f32" | "f16" | "u32";

/** Those of them that are numbers with a fraction: f16 only where values lie, never where they are added up. */
export type FloatType = "f32" | "f16";

/** Bytes of a value. */
export const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, u32: 4 };

/** Values on the host, by what they are. */
export interface Values {
  /** 32-bit floating point. */
  f32: Float32Array<ArrayBuffer>;
  /** 16-bit floating point, to be had where an adapter has shader-f16. */
  f16: Float16Array<ArrayBuffer>;
  /** Whole numbers from 0 on. */
  u32: Uint32Array<ArrayBuffer>;
}

/** A tensor of whatever values. */
export type AnyTensor = Tensor<DType>;

/** A tensor of numbers with a fraction. */
export type FloatTensor = Tensor<FloatType>;

/** Values on the GPU; float32 where nothing else is said. `offset` is in bytes, and not 0 only for parts. */
export class Tensor<T extends DType = "f32"> {
  /** Dimensions, outermost first. */
  readonly shape: readonly number[];
  /** Number of values. */
  readonly size: number;
  /** What the values are. */
  readonly dtype: T;
  /** The memory below; shared between views. */
  readonly slab: Slab;
  /** Where the values begin in `slab`, in bytes; a multiple of 256 where a kernel binds them. */
  readonly offset: number;
  /** Whether a gradient is wanted. Set on parameters; results of ops on a tape have it where an input has. */
  requiresGrad = false;
  /** Where a parameter's gradient goes: set by the `Parameters` it is one of, so that all gradients lie in one buffer. */
  grad: Tensor | null = null;
  /** What this is a {@linkcode part} of, where that requires a gradient, and from which value on. */
  #whole: { readonly tensor: Tensor<T>; readonly first: number } | null = null;
  #lease: number;

  /** A shape over memory that is there: `Gpu.empty` and `Gpu.tensor` take memory too. */
  constructor(shape: readonly number[], slab: Slab, offset: number, dtype: T) {
    this.shape = shape;
    this.size = count(shape);
    this.slab = slab;
    this.offset = offset;
    this.dtype = dtype;
    this.#lease = slab.lease;
  }

  /** Bytes of the values. */
  get bytes(): number {
    return this.size * BYTES[this.dtype];
  }

  /** Whether the memory was not given back since. */
  get isLive(): boolean {
    return this.#lease === this.slab.lease;
  }

  /** Of a part of something that requires a gradient: of what, and from which of its values on. */
  get whole(): { readonly tensor: Tensor<T>; readonly first: number } | null {
    return this.#whole;
  }

  /**
   * The same values under another shape of the same size.
   *
   * @throws {RangeError} where it is of another size
   */
  view(shape: readonly number[]): Tensor<T> {
    if (count(shape) !== this.size) {
      throw new RangeError(
        `Expected a shape of ${this.size} values for [${this.shape}], but found [${shape}]`,
      );
    }
    const view = this.#over(shape, this.offset);
    view.requiresGrad = this.requiresGrad;
    view.grad = this.grad;
    view.#whole = this.#whole;
    return view;
  }

  /**
   * Some of the values under a shape of their own. Its gradient is that part of this tensor's.
   *
   * @param first the value with which it begins
   * @throws {RangeError} where it does not end within this tensor
   */
  part(first: number, shape: readonly number[]): Tensor<T> {
    const end = first + count(shape);
    if (!Number.isInteger(first) || first < 0 || end > this.size) {
      throw new RangeError(
        `Expected a part of the ${this.size} values of [${this.shape}], but found ${first} to ${end}`,
      );
    }
    const part = this.#over(shape, this.offset + BYTES[this.dtype] * first);
    part.requiresGrad = this.requiresGrad;
    part.#whole = this.requiresGrad ? { tensor: this, first } : null;
    return part;
  }

  #over(shape: readonly number[], offset: number): Tensor<T> {
    const tensor = new Tensor(shape, this.slab, offset, this.dtype);
    tensor.#lease = this.#lease;
    return tensor;
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
