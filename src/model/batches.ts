/**
 * Features of images on the host as tensors of several images on the GPU.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Sizes of features: C channels of H × W positions. */
export interface FeatureSizes {
  C: number;
  H: number;
  W: number;
}

/**
 * Features of some images as one tensor, straight from their arrays: an image's is the file that a cache has read.
 *
 * @param images [N, C] of each; what follows is left out
 * @returns [B, N, C], for the caller to release outside of a step
 */
export function upload(
  gpu: Compute,
  images: readonly Float32Array<ArrayBuffer>[],
  { C, H, W }: FeatureSizes,
): Tensor {
  const N = H * W, x = gpu.empty([images.length, N, C], "features");
  gpu.stream.write(x, ...images.map((image) => image.subarray(0, N * C)));
  return x;
}

/** All features in order, `size` images at a time: [B, N, C], which goes back when the next is asked for, or no more. */
export function* batches(
  gpu: Compute,
  features: readonly Float32Array<ArrayBuffer>[],
  sizes: FeatureSizes,
  size: number,
): Generator<Tensor> {
  for (let i = 0; i < features.length; i += size) {
    const x = upload(gpu, features.slice(i, i + size), sizes);
    try {
      yield x;
    } finally {
      gpu.release(x);
    }
  }
}
