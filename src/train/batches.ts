/**
 * Features of images on the host as tensors of several images on the GPU.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { AdtrConfig } from "../model/adtr.ts";

/**
 * Features of some images as one tensor.
 *
 * @param images [N, C] of each
 * @returns [B, N, C], for the caller to release outside of a step
 */
export function upload(gpu: Gpu, images: readonly Float32Array[], { C, H, W }: AdtrConfig): Tensor {
  const N = H * W, values = new Float32Array(images.length * N * C);
  images.forEach((image, i) => values.set(image, i * N * C));
  const x = gpu.empty([images.length, N, C], "features");
  gpu.stream.write(x, values);
  return x;
}

/** All features in order, `size` images at a time: [B, N, C], for the caller to release. */
export function* batches(
  gpu: Gpu,
  features: readonly Float32Array[],
  config: AdtrConfig,
  size: number,
): Generator<Tensor> {
  for (let i = 0; i < features.length; i += size) yield upload(gpu, features.slice(i, i + size), config);
}
