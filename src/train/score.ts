/**
 * Maps and scores of image files, a few at a time so that memory stays bounded.
 *
 * @module
 */
import type { ScoreOptions } from "../model/detector.ts";
import { upload } from "./batches.ts";
import { extractFeatures, type FeatureSource, sizesOf } from "./features.ts";
import type { Scorer } from "./scorer.ts";

/** One image's result. */
export interface ScoredImage {
  /** Its file, as it was given. */
  path: string;
  /** [S, S], larger is more anomalous; null from a method that looks at whole images only. */
  map: Float32Array<ArrayBuffer> | null;
  /** Of the whole image, larger is more anomalous. */
  score: number;
}

/** Images whose features are in memory together. */
const SLICE = 64;
/** Images that are scored together. */
const BATCH = 8;

/**
 * Scores images in the order of `paths`.
 *
 * @param onImage called with the number of images done
 * @throws {InputError} where a file can't be read or is no image
 */
export async function* scoreImages(
  source: FeatureSource,
  scorer: Scorer,
  options: ScoreOptions,
  paths: readonly string[],
  onImage: (done: number) => void = () => {},
  signal?: AbortSignal,
): AsyncGenerator<ScoredImage> {
  const { gpu } = source, sizes = sizesOf(source), area = options.image_size ** 2;
  const { pooled } = scorer,
    length = sizes.C * sizes.H * sizes.W,
    wanted = pooled ? { ...source, pooled } : source;
  for (let first = 0; first < paths.length; first += SLICE) {
    const slice = paths.slice(first, first + SLICE);
    const report = (done: number): void => onImage(first + done);
    const features = await extractFeatures(wanted, slice, report, signal);
    for (let at = 0; at < slice.length; at += BATCH) {
      const images = features.slice(at, at + BATCH), batch = upload(gpu, images, sizes);
      const whole = pooled ? images.map((values) => values.subarray(length)) : undefined;
      const { maps, scores } = await scorer.score(batch, options, whole);
      gpu.release(batch);
      for (const [i, score] of scores.entries()) {
        yield { path: slice[at + i], map: maps && maps.slice(i * area, (i + 1) * area), score };
      }
    }
  }
}
