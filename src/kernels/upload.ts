/**
 * Floats of the host in the dtype in which they are to lie on the GPU.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { FloatTensor, FloatType } from "../gpu/tensor.ts";

/** A tensor of values, where it is of f16 each rounded to the nearest, beyond 65504 to infinity. */
export function upload(
  gpu: Compute,
  values: Float32Array<ArrayBuffer>,
  shape: readonly number[],
  dtype: FloatType,
): FloatTensor {
  if (dtype === "f32") return gpu.tensor(values, shape);
  const tensor = gpu.empty(shape, "values of f16", dtype);
  gpu.stream.write(tensor, Float16Array.from(values));
  return tensor;
}
