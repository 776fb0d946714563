/**
 * A model's parameters by name, all in one flat buffer, and their gradients in another of the same layout, so that an
 * optimizer step is one kernel. Each parameter begins on a multiple of 256 bytes; the gaps stay zero.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import { count, type Tensor } from "../gpu/tensor.ts";
import { fill } from "../kernels/dense/elementwise.ts";

const ALIGN = 64; // floats

/** A tensor on the host, row-major. */
export interface HostTensor {
  /** Dimensions, outermost first. */
  shape: readonly number[];
  /** As many values as the dimensions say. */
  data: Float32Array<ArrayBuffer>;
}

/** Named parameters. They live until they are disposed of or the GPU is closed. */
export class Parameters implements Disposable {
  /** Every parameter's shape by its name, in order, as it is loaded and read. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** All values, [size]. */
  readonly values: Tensor;
  /** All gradients, [size]. */
  readonly gradients: Tensor;
  #gpu: Compute;
  #tensors = new Map<string, Tensor>();

  /**
   * Parameters of zeros, until they are loaded.
   *
   * @param shapes of every parameter by its name
   * @param wider for parameters of one or two dimensions that are kept in a larger shape on the GPU, so that kernels
   *   can read four values at a time: theirs. What is added is zero, and stays so where its gradient is zero.
   * @throws {RangeError} where a larger shape is of no parameter, or not larger
   */
  constructor(
    gpu: Compute,
    shapes: ReadonlyMap<string, readonly number[]>,
    wider: ReadonlyMap<string, readonly number[]> = new Map(),
  ) {
    this.#gpu = gpu;
    this.shapes = shapes;
    for (const [name, wide] of wider) {
      const shape = shapes.get(name);
      if (wide.length > 2 || wide.length !== shape?.length || wide.some((d, i) => d < shape[i])) {
        throw new RangeError(
          `Expected a shape at least that of ${name} [${shape ?? "none"}], but found [${wide}]`,
        );
      }
    }
    const kept = new Map([...shapes].map(([name, shape]) => [name, wider.get(name) ?? shape]));
    const padded = (shape: readonly number[]) => Math.ceil(count(shape) / ALIGN) * ALIGN;
    const size = [...kept.values()].reduce((sum, shape) => sum + padded(shape), 0);
    this.values = gpu.empty([size], "the parameters");
    this.gradients = gpu.empty([size], "the parameters' gradients");
    fill(gpu, this.values, 0);
    fill(gpu, this.gradients, 0);
    let at = 0;
    for (const [name, shape] of kept) {
      const tensor = this.values.part(at, shape);
      tensor.requiresGrad = true;
      tensor.grad = this.gradients.part(at, shape);
      this.#tensors.set(name, tensor);
      at += padded(shape);
    }
  }

  /**
   * The parameter of that name.
   *
   * @throws {RangeError} where there is none
   */
  get(name: string): Tensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new RangeError(`Expected a parameter's name, but found "${name}"`);
    return tensor;
  }

  /**
   * Where the parameters that require a gradient lie in a tensor of the flat layout, or those that are frozen: views of
   * as few pieces as there can be.
   */
  pieces(of: Tensor, trained: boolean): Tensor[] {
    const tensors = [...this.#tensors.values()], pieces: { begin: number; end: number }[] = [];
    tensors.forEach(({ requiresGrad, offset }, i) => {
      if (requiresGrad !== trained) return;
      const end = tensors[i + 1]?.offset ?? this.values.bytes, last = pieces.at(-1);
      if (last?.end === offset) last.end = end;
      else pieces.push({ begin: offset, end });
    });
    return pieces.map(({ begin, end }) => of.part(begin / 4, [(end - begin) / 4]));
  }

  /** The part of another tensor of the flat layout that belongs to a parameter, of its shape. @throws {RangeError} where there is none */
  part(of: Tensor, name: string): Tensor {
    const { offset, shape } = this.get(name);
    return of.part(offset / 4, shape);
  }

  /** All parameters by name. */
  entries(): IterableIterator<[string, Tensor]> {
    return this.#tensors.entries();
  }

  /**
   * Sets all values.
   *
   * @throws {RangeError} where one is missing or has another number of values
   */
  load(state: ReadonlyMap<string, { data: ArrayLike<number> }>): void {
    this.#gpu.stream.write(this.values, this.#flatten(state));
  }

  /** Gives the memory back; the parameters can't be used any more. */
  [Symbol.dispose](): void {
    this.#gpu.release(this.values);
    this.#gpu.release(this.gradients);
  }

  /** Sets another tensor of the same layout, as an optimizer has, from values by the parameters' names. */
  loadInto(tensor: Tensor, state: ReadonlyMap<string, { data: ArrayLike<number> }>): void {
    this.#gpu.stream.write(tensor, this.#flatten(state));
  }

  /** Reads all values; or those of another tensor of the same layout, as an optimizer has. */
  async read(from: Tensor = this.values, on: Compute = this.#gpu): Promise<Map<string, HostTensor>> {
    const flat = await on.read(from);
    const state = new Map<string, HostTensor>();
    for (const [name, shape] of this.shapes) {
      const data = new Float32Array(count(shape));
      this.#rows(name, (to, from, length) => data.set(flat.subarray(from, from + length), to));
      state.set(name, { shape, data });
    }
    return state;
  }

  #flatten(state: ReadonlyMap<string, { data: ArrayLike<number> }>): Float32Array<ArrayBuffer> {
    const flat = new Float32Array(this.values.size);
    for (const [name, shape] of this.shapes) {
      const data = state.get(name)?.data;
      if (data?.length !== count(shape)) {
        throw new RangeError(
          `Expected ${count(shape)} values for ${name} [${shape}], but found ${data?.length ?? "none"}`,
        );
      }
      const values = data instanceof Float32Array ? data : Float32Array.from(data);
      this.#rows(name, (from, to, length) => flat.set(values.subarray(from, from + length), to));
    }
    return flat;
  }

  /** Calls `visit` for every run of a parameter: where it begins in its own values, in the flat buffer, its length. */
  #rows(name: string, visit: (own: number, flat: number, length: number) => void): void {
    const shape = this.shapes.get(name)!, tensor = this.get(name);
    const length = shape[shape.length - 1], pitch = tensor.shape[shape.length - 1];
    for (let row = 0; row < count(shape) / length; row++) {
      visit(row * length, tensor.offset / 4 + row * pitch, length);
    }
  }
}
