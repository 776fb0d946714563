/**
 * What kernels run on and take their memory from: the GPU itself, where whoever takes memory gives it back, or a step's
 * scope, where all that was not kept goes back at the step's end.
 *
 * @module
 */
import type { AdapterInfo, Profile } from "./profile.ts";
import type { Stream } from "./stream.ts";
import type { AnyTensor, DType, Tensor, Values } from "./tensor.ts";

/** A place to compute in. */
export interface Compute {
  /** What the adapter says of itself. */
  readonly info: AdapterInfo;
  /** What the adapter is and can do, which kernels are made for. */
  readonly profile: Profile;
  /** The device's limits, those of the adapter. */
  readonly limits: GPUSupportedLimits;
  /** Where kernels are recorded. */
  readonly stream: Stream;
  /** A new tensor of that shape, of float32 by default. Its values are whatever the memory held. */
  empty<T extends DType = "f32">(shape: readonly number[], what?: string, dtype?: T): Tensor<T>;
  /** A new tensor holding whole numbers; of one dimension by default. */
  tensor(values: Uint32Array, shape?: readonly number[]): Tensor<"u32">;
  /** A new tensor holding `values` as float32. */
  tensor(values: ArrayLike<number>, shape?: readonly number[]): Tensor;
  /** Reads a tensor's values. */
  read<T extends DType>(tensor: Tensor<T>): Promise<Values[T]>;
  /** Gives a tensor's memory back (and so that of all its views). Work recorded before this may still use it. */
  release(tensor: AnyTensor): void;
}

/** A step under way, {@linkcode Gpu.step}: what is taken through it goes back at its end unless it is kept. */
export interface Scope extends Compute {
  /** Lets a tensor that was taken through this scope outlive the step. @returns the tensor */
  keep<T extends AnyTensor>(tensor: T): T;
}
