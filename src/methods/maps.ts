/**
 * From scores of positions to maps of the image's size, and to image scores.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { gaussianBlur } from "../kernels/conv/blur.ts";
import { averagePool, reduceImages } from "../kernels/conv/pool.ts";
import { resize } from "../kernels/conv/resize.ts";
import { POOL } from "./adtr/detector.ts";
import type { MapOptions, MethodScores, MethodSettings } from "./method.ts";

/** Scores s of positions [B · N] as maps: bilinear with aligned corners, then smoothed. Within a step. */
export function mapsOf(gpu: Compute, s: Tensor, { H, W, sigma }: MethodSettings, S: number): Tensor {
  const B = s.size / (H * W), maps = gpu.empty([B, S, S], "score maps");
  resize(gpu, s.view([B, H, W]), maps);
  return sigma > 0 ? gaussianBlur(gpu, maps, sigma) : maps;
}

/**
 * Maps and scores where a map decides about its image as ADTR's do (docs/method.md §6): the mean, or the maximum after
 * averaging over `window` × `window` pixels.
 *
 * @param distances makes the scores of positions, [B · N], within a step
 */
export function scoreByMaps(
  gpu: Gpu,
  settings: MethodSettings,
  { image_size, image_score }: MapOptions,
  distances: (gpu: Compute) => Tensor,
  window = POOL,
): Promise<MethodScores> {
  return gpu.step(async (gpu) => {
    const maps = mapsOf(gpu, distances(gpu), settings, image_size);
    const scores = image_score === "mean"
      ? reduceImages(gpu, maps, "mean")
      : reduceImages(gpu, window > 1 ? averagePool(gpu, maps, window) : maps, "max");
    const [m, i] = await gpu.stream.read(maps, scores);
    return { maps: m, scores: i };
  });
}
