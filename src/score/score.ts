/**
 * Maps and scores of image files, a few at a time so that memory stays bounded.
 *
 * @module
 */
import type { MethodScores } from "../methods/method.ts";
import type { ScoreOptions } from "../methods/adtr/detector.ts";
import { upload } from "../model/batches.ts";
import { extractFeatures, type FeatureSource, sizesOf } from "./features.ts";
import type { Scorer } from "../train/scorer.ts";

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
  const area = options.image_size ** 2;
  const wanted = scorer.pooled ? { ...source, pooled: true } : source;
  for (let first = 0; first < paths.length; first += SLICE) {
    const slice = paths.slice(first, first + SLICE);
    const report = (done: number): void => onImage(first + done);
    const features = await extractFeatures(wanted, slice, report, signal);
    for (let at = 0; at < slice.length; at += BATCH) {
      signal?.throwIfAborted();
      const { maps, scores } = await scoreFeatures(source, scorer, options, features.slice(at, at + BATCH));
      for (const [i, score] of scores.entries()) {
        yield { path: slice[at + i], map: maps && maps.slice(i * area, (i + 1) * area), score };
      }
    }
  }
}

/**
 * Maps and scores of images whose features are known.
 *
 * @param features [N, C] of each, followed by those of the image as a whole where the scorer wants them
 */
export async function scoreFeatures(
  source: FeatureSource,
  scorer: Scorer,
  options: ScoreOptions,
  features: readonly Float32Array[],
): Promise<MethodScores> {
  const sizes = sizesOf(source), length = sizes.C * sizes.H * sizes.W;
  const whole = scorer.pooled ? features.map((values) => values.subarray(length)) : undefined;
  const batch = upload(source.gpu, features, sizes);
  try {
    return await scorer.score(batch, options, whole);
  } finally {
    source.gpu.release(batch);
  }
}
