/**
 * The covariance of features over all positions of all images: products on the GPU, sums of them in float64 on the host.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import { gemm } from "../kernels/dense/gemm.ts";
import { standardise } from "../kernels/norm/standardise.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import { paddedChannels } from "../model/layout.ts";
import { batches, type FeatureSizes } from "../model/batches.ts";
import { Covariance, narrowed } from "../model/whitening.ts";
import { allAlike } from "./method.ts";
import { batchSize } from "./batch_size.ts";

/** Variations of {@linkcode covarianceOf}. */
export interface CovarianceOptions {
  /** Of the mean diagonal, added to the diagonal. */
  readonly ridge: number;
  /** Told how many images are done. */
  readonly onProgress?: (done: number, total: number, unit: string) => void;
  /** Ends the work early. */
  readonly signal?: AbortSignal;
}

/**
 * Σ, [C, C].
 *
 * @param mean of the features, [C]
 * @throws {InputError} where all features are equal
 */
export async function covarianceOf(
  gpu: Gpu,
  features: readonly Float32Array<ArrayBuffer>[],
  mean: Float32Array<ArrayBuffer>,
  { C, H, W }: FeatureSizes,
  { ridge, onProgress, signal }: CovarianceOptions,
): Promise<Float64Array> {
  const covariance = new Covariance(C), wide = paddedChannels(C), size = batchSize(gpu, H * W, wide);
  const mu = gpu.tensor(mean), ones = gpu.tensor(new Float32Array(C).fill(1));
  let done = 0;
  try {
    for (const x of batches(gpu, features, { C, H, W }, size)) {
      const rows = x.size / C;
      await gpu.step(async (gpu) => {
        const centred = standardise(gpu, x.view([rows, 1, C]), mu, ones, wide);
        const products = gpu.empty([wide, wide], "a covariance"), sum = gpu.empty([wide], "a sum");
        gemm(gpu, { a: centred, b: centred, c: products, M: wide, N: wide, K: rows, transA: true });
        sumColumns(gpu, centred, sum, { rows, columns: wide });
        const [p, s] = await gpu.stream.read(products, sum);
        covariance.add(rows, mean, s, narrowed(p, C, wide));
      });
      onProgress?.(done += x.shape[0], features.length, "images");
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    }
  } finally {
    for (const tensor of [mu, ones]) gpu.release(tensor);
  }
  const value = covariance.value(ridge);
  let largest = 0, scale = 0;
  for (let c = 0; c < C; c++) {
    largest = Math.max(largest, value[c * C + c]);
    scale = Math.max(scale, mean[c] ** 2);
  }
  // Beside rounding.
  if (!(largest > 1e-12 * scale)) throw allAlike();
  return value;
}
