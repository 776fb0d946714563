/**
 * Maps and scores of images by name, a few at a time so that memory stays bounded.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { FloatMap } from "../data/float_map.ts";
import type { Decision } from "../methods/decision.ts";
import type { Fitted, MethodTraits } from "../methods/method.ts";
import type { Settings } from "../methods/settings.ts";
import { upload } from "../model/batches.ts";
import { extractFeatures, type FeatureSource, sizesOf } from "./features.ts";
import { decide, type Decided } from "./verdict.ts";

/** One image's result. */
export interface ScoredImage extends Decided {
  /** Its name, as it was given. */
  path: string;
  /** Larger is more anomalous; null from a method that looks at whole images only. */
  map: FloatMap | null;
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
  /** What is anomalous. */
  readonly decision: Decision;
}

/**
 * Scores images in the order of `paths`.
 *
 * @param onImage called with the number of images whose features are there, and again when all of them are scored
 * @throws {InputError} where one can't be read or is no image
 */
export async function* scoreImages(
  model: Scorer,
  paths: readonly string[],
  onImage: (done: number) => void = () => {},
  signal?: AbortSignal,
): AsyncGenerator<ScoredImage> {
  const { source, method } = model;
  for (let first = 0; first < paths.length; first += SLICE) {
    const slice = paths.slice(first, first + SLICE);
    const report = (done: number): void => onImage(first + done);
    const features = await extractFeatures({ ...source, pooled: method.pooled }, slice, report, signal);
    for (let at = 0; at < slice.length; at += BATCH) {
      signal?.throwIfAborted();
      for (
        const [i, { score, map }] of (await scoreFeatures(model, features.slice(at, at + BATCH))).entries()
      ) {
        checkScore(score, slice[at + i]);
        yield { path: slice[at + i], score, ...decide(model.decision, score), map };
      }
    }
    report(slice.length);
  }
}

/** @throws {InputError} where an image's score is no number, as from a model whose values run over */
export function checkScore(score: number, image: string): void {
  if (Number.isFinite(score)) return;
  throw new InputError(`Expected a model whose score of ${image} is a finite number, but found ${score}`);
}

/**
 * Scores of images whose features are known, and their maps.
 *
 * @param features [N, C] of each, followed by those of the image as a whole where the method wants them
 */
export async function scoreFeatures(
  { source, method, fitted, settings }: Pick<Scorer, "source" | "method" | "fitted" | "settings">,
  features: readonly Float32Array[],
): Promise<{ score: number; map: FloatMap | null }[]> {
  const sizes = sizesOf(source), length = sizes.C * sizes.H * sizes.W, { image_size: S } = source;
  const whole = method.pooled ? features.map((values) => values.subarray(length)) : [];
  const batch = upload(source.gpu, features, sizes);
  try {
    const { maps, scores } = await fitted.score(batch, whole, settings);
    return Array.from(scores, (score, i) => ({
      score,
      map: maps && { width: S, height: S, data: maps.slice(i * S * S, (i + 1) * S * S) },
    }));
  } finally {
    source.gpu.release(batch);
  }
}
