/**
 * Maps and scores of images by name, a few at a time so that memory stays bounded.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { Fitted, MethodTraits, Scores } from "../methods/method.ts";
import type { Settings } from "../methods/settings.ts";
import { upload } from "../model/batches.ts";
import { extractFeatures, type FeatureSource, sizesOf } from "./features.ts";

/** One image's result. */
export interface ScoredImage {
  /** Its name, as it was given. */
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

/** What scores: a model, or the parts of one that matter here. */
export interface Scorer {
  /** What makes features of images. */
  readonly source: FeatureSource;
  /** What the method looks at, and gives. */
  readonly method: MethodTraits;
  /** What it has learned. */
  readonly fitted: Pick<Fitted, "score">;
  /** In effect. */
  readonly settings: Settings;
}

/**
 * Scores images in the order of `paths`.
 *
 * @param onImage called with the number of images done
 * @throws {InputError} where one can't be read or is no image
 */
export async function* scoreImages(
  model: Scorer,
  paths: readonly string[],
  onImage: (done: number) => void = () => {},
  signal?: AbortSignal,
): AsyncGenerator<ScoredImage> {
  const { source, method } = model, area = source.image_size ** 2;
  for (let first = 0; first < paths.length; first += SLICE) {
    const slice = paths.slice(first, first + SLICE);
    const report = (done: number): void => onImage(first + done);
    const features = await extractFeatures({ ...source, pooled: method.pooled }, slice, report, signal);
    for (let at = 0; at < slice.length; at += BATCH) {
      signal?.throwIfAborted();
      const { maps, scores } = await scoreFeatures(model, features.slice(at, at + BATCH));
      for (const [i, score] of scores.entries()) {
        checkScore(score, slice[at + i]);
        yield { path: slice[at + i], map: maps && maps.slice(i * area, (i + 1) * area), score };
      }
    }
  }
}

/** @throws {InputError} where an image's score is no number, as from a model whose values run over */
export function checkScore(score: number, image: string): void {
  if (Number.isFinite(score)) return;
  throw new InputError(`Expected a model whose score of ${image} is a finite number, but found ${score}`);
}

/**
 * Maps and scores of images whose features are known.
 *
 * @param features [N, C] of each, followed by those of the image as a whole where the method wants them
 */
export async function scoreFeatures(
  { source, method, fitted, settings }: Scorer,
  features: readonly Float32Array[],
): Promise<Scores> {
  const sizes = sizesOf(source), length = sizes.C * sizes.H * sizes.W;
  const whole = method.pooled ? features.map((values) => values.subarray(length)) : [];
  const batch = upload(source.gpu, features, sizes);
  try {
    return await fitted.score(batch, whole, settings);
  } finally {
    source.gpu.release(batch);
  }
}
