/**
 * Made-up features, the same as tests/golden/methods.py makes.
 *
 * @module
 */
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { fill } from "../fill.ts";

/** Sizes of {@linkcode features}. */
export const H = 6, W = 6, N = H * W, C = 10;

/** Features of n images, [N, C] each: channels that correlate, around means that differ from position to position. */
export function features(name: string, n: number): Float32Array<ArrayBuffer>[] {
  const noise = fill(name, n * N * C), mix = fill("mix", C * C), mean = fill("mean", N * C, 2, 6);
  return Array.from({ length: n }, (_, image) =>
    Float32Array.from({ length: N * C }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < C; j++) sum += noise[image * N * C + i - i % C + j] * mix[j * C + i % C];
      return sum + mean[i];
    }));
}

/** Features of n whole images, [width] each: channels whose scale falls. */
export function pooled(name: string, n: number, width: number, decay: number): Float32Array<ArrayBuffer>[] {
  const noise = fill(name, n * width), mean = fill("pooled mean", width, 1, 2);
  return Array.from(
    { length: n },
    (_, image) =>
      Float32Array.from({ length: width }, (_, i) => noise[image * width + i] * decay ** i + mean[i]),
  );
}

/** Features of images on the GPU, [B, N, C]. */
export function onGpu(gpu: Gpu, images: readonly Float32Array[]): Tensor {
  return gpu.tensor(images.flatMap((image) => [...image]), [images.length, N, C]);
}
