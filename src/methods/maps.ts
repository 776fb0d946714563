/**
 * From scores of positions to maps of the image's size, and to image scores (docs/method.md §6).
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { alongAxes, type Band } from "../kernels/conv/band.ts";
import { reduceImages } from "../kernels/conv/reduce.ts";
import { accumulate } from "../kernels/dense/elementwise.ts";
import { type Axis, bandOf, blurred, chained, extended, resized, windowMeans } from "../model/axis.ts";
import type { FeatureSizes } from "../model/batches.ts";
import type { Scores, ScoreSettings } from "./method.ts";

/** Window of the average that comes before the maximum of a map, pixels: ADTR's, of images of 256×256. */
export const POOL = 16;

/**
 * The same share of images of S×S, pixels: networks of pixels are trained on sizes from 32 to 512, and a sixteenth of 256 is
 * half of 32.
 */
export function windowOf(S: number): number {
  return Math.max(1, Math.round(S * POOL / 256));
}

/** What a position's score becomes along an axis: bilinear with aligned corners, then smoothed. */
export function enlarged(
  side: number,
  { image_size: S, sigma }: Pick<ScoreSettings, "image_size" | "sigma">,
): Axis {
  return sigma > 0 ? chained(resized(side, S), blurred(S, sigma)) : resized(side, S);
}

/** Scores s of positions [B · N] as maps [B, S, S]: enlarged and smoothed at once, one axis after the other. */
export function mapsOf(gpu: Compute, s: Tensor, sizes: FeatureSizes, settings: ScoreSettings): Tensor {
  const { image_size: S, sigma } = settings;
  return alongSides(gpu, s, sizes, `${S} ${sigma}`, (side) => enlarged(side, settings));
}

/** Scores s of positions [B · N], those of the outermost `margin` positions replaced by the nearest of those within. */
export function withoutBorder(gpu: Compute, s: Tensor, sizes: FeatureSizes, margin: number): Tensor {
  return alongSides(gpu, s, sizes, `without ${margin}`, (side) => extended(side, margin));
}

/** @param name tells what is made of a side from what else is */
function alongSides(
  gpu: Compute,
  s: Tensor,
  { H, W }: FeatureSizes,
  name: string,
  make: (side: number) => Axis,
): Tensor {
  const [down, across] = [H, W].map((side) => bandFor(`${side} ${name}`, () => bandOf(make(side))));
  return alongAxes(gpu, s.view([s.size / (H * W), H, W]), down, across);
}

/** Scores [B] of maps [B, S, S]: the mean, or the maximum after averaging over `window` × `window` pixels. */
export function scoresOf(
  gpu: Compute,
  maps: Tensor,
  { image_score }: Pick<ScoreSettings, "image_score">,
  window = POOL,
): Tensor {
  if (image_score === "mean") return reduceImages(gpu, maps, "mean");
  if (window === 1) return reduceImages(gpu, maps, "max");
  const [, S] = maps.shape, means = bandFor(`${S} window ${window}`, () => bandOf(windowMeans(S, window)));
  return reduceImages(gpu, alongAxes(gpu, maps, means, means), "max");
}

/** Of the sizes that there are in a program, few: one takes a millisecond at 128 pixels, and seconds where all is largest. */
const bands = new Map<string, Band>();

function bandFor(sizes: string, make: () => Band): Band {
  const band = bands.get(sizes) ?? make();
  bands.set(sizes, band);
  return band;
}

/**
 * Maps and scores where a map decides about its image.
 *
 * @param distances makes the scores of positions, [B · N]
 * @param window as `scoresOf` takes it
 */
export function scoreByMaps(
  gpu: Gpu,
  sizes: FeatureSizes,
  settings: ScoreSettings,
  distances: (gpu: Compute) => Tensor,
  window = POOL,
): Promise<Scores> {
  return gpu.step(async (gpu) => {
    const maps = mapsOf(gpu, distances(gpu), sizes, settings);
    const [m, i] = await gpu.stream.read(maps, scoresOf(gpu, maps, settings, window));
    return { maps: m, scores: i, window };
  });
}

/** The same, averaged over the share of the image that `windowOf` says. */
export function scoreByShare(
  gpu: Gpu,
  sizes: FeatureSizes,
  settings: ScoreSettings,
  distances: (gpu: Compute) => Tensor,
): Promise<Scores> {
  return scoreByMaps(gpu, sizes, settings, distances, windowOf(settings.image_size));
}

/**
 * As `scoreByShare`, where scores of positions are the mean of several, for instance over samples. Each is made in a step of its own:
 * memory does not grow with them.
 *
 * @param distances makes the scores of positions for i of 0..count − 1, of one shape
 */
export async function scoreByMeans(
  gpu: Gpu,
  sizes: FeatureSizes,
  settings: ScoreSettings,
  count: number,
  distances: (gpu: Compute, i: number) => Tensor,
): Promise<Scores> {
  let mean: Tensor | undefined;
  try {
    for (let i = 0; i < count; i++) {
      await gpu.step((step) => {
        const d = distances(step, i);
        mean ??= gpu.empty(d.shape, "scores of positions");
        accumulate(step, d, mean, i > 0, 1 / count);
      });
    }
    return await scoreByShare(gpu, sizes, settings, () => mean!);
  } finally {
    if (mean) gpu.release(mean);
  }
}
