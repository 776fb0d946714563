/**
 * Maps and scores of image files, a few at a time so that memory stays bounded.
 *
 * @module
 */
import type { Detector, ScoreOptions } from "../model/detector.ts";
import { batches } from "./batches.ts";
import { extractFeatures, type FeatureSource } from "./features.ts";

/** One image's result. */
export interface ScoredImage {
  /** Its file, as it was given. */
  path: string;
  /** [S, S], larger is more anomalous. */
  map: Float32Array<ArrayBuffer>;
  /** Of the whole image, larger is more anomalous. */
  score: number;
}

/** Images whose features are in memory together. */
const SLICE = 64;
/** Images that go through the transformer together. */
const BATCH = 8;

/**
 * Scores images in the order of `paths`.
 *
 * @param onImage called with the number of images done
 * @throws {InputError} where a file can't be read or is no image
 */
export async function* scoreImages(
  source: FeatureSource,
  detector: Detector,
  options: ScoreOptions,
  paths: readonly string[],
  onImage: (done: number) => void = () => {},
  signal?: AbortSignal,
): AsyncGenerator<ScoredImage> {
  const { gpu } = source, area = options.image_size ** 2;
  for (let first = 0; first < paths.length; first += SLICE) {
    const slice = paths.slice(first, first + SLICE);
    const features = await extractFeatures(source, slice, (done) => onImage(first + done), signal);
    let at = 0;
    for (const batch of batches(gpu, features, detector.adtr.config, BATCH)) {
      const { maps, scores } = await detector.score(batch, options);
      gpu.release(batch);
      for (const [i, score] of scores.entries()) {
        yield { path: slice[at++], map: maps.slice(i * area, (i + 1) * area), score };
      }
    }
  }
}
