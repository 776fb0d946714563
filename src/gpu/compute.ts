/**
 * What kernels run on and take their memory from: the GPU itself, where whoever takes memory gives it back, or a step's
 * scope, where all that was not kept goes back at the step's end.
 *
 * @module
 */
import type { AdapterInfo } from "./gpu.ts";
import type { Stream } from "./stream.ts";
import type { Tensor } from "./tensor.ts";

/** A place to compute in. */
export interface Compute {
  /** The adapter in use. */
  readonly info: AdapterInfo;
  /** The device's limits, those of the adapter. */
  readonly limits: GPUSupportedLimits;
  /** Where kernels are recorded. */
  readonly stream: Stream;
  /** A new tensor of that shape. Its values are whatever the memory held. */
  empty(shape: readonly number[], what?: string): Tensor;
  /** A new tensor holding `values`; of one dimension by default. */
  tensor(values: ArrayLike<number>, shape?: readonly number[]): Tensor;
  /** Reads a tensor's values. */
  read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>>;
  /** Gives a tensor's memory back (and so that of all its views). Work recorded before this may still use it. */
  release(tensor: Tensor): void;
}

/** A step under way, {@linkcode Gpu.step}: what is taken through it goes back at its end unless it is kept. */
export interface Scope extends Compute {
  /** Lets a tensor that was taken through this scope outlive the step. @returns the tensor */
  keep(tensor: Tensor): Tensor;
}
