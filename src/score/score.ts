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

/** How to score images by name. */
export interface ScoreImagesOptions {
  /** Called with the number of images whose features are there, and again when all of them are scored. */
  onImage?: (done: number) => void;
  /** Ends the work early, with an AbortError. */
  signal?: AbortSignal;
  /**
   * Told of an image that can't be read, or whose score is no number, when its turn has come; the others are scored as ever.
   * Without, or where it throws, the work ends there.
   */
  onError?: (path: string, error: InputError) => void | Promise<void>;
}

/**
 * Scores images in the order of `paths`.
 *
 * @throws {InputError} where one can't be read or is no image, and there is no `onError`
 */
export async function* scoreImages(
  model: Scorer,
  paths: readonly string[],
  { onImage = () => {}, signal, onError }: ScoreImagesOptions = {},
): AsyncGenerator<ScoredImage> {
  const { source, method } = model;
  for (let first = 0; first < paths.length; first += SLICE) {
    const slice = paths.slice(first, first + SLICE), unreadable = new Map<number, InputError>();
    const report = (done: number): void => onImage(first + done);
    const features = await extractFeatures(
      { ...source, pooled: method.pooled },
      slice,
      report,
      signal,
      onError && ((i, error) => void unreadable.set(i, error)),
    );
    for (let at = 0; at < slice.length; at += BATCH) {
      signal?.throwIfAborted();
      const batch = features.slice(at, at + BATCH).filter((known) => known); // the unreadable have none
      const results = batch.length > 0 ? await scoreFeatures(model, batch) : [];
      for (let i = at, next = 0; i < Math.min(at + BATCH, slice.length); i++) {
        const path = slice[i], result = unreadable.has(i) ? null : results[next++];
        const error = unreadable.get(i) ?? noNumber(result!.score, path);
        if (error === null) {
          yield { path, score: result!.score, ...decide(model.decision, result!.score), map: result!.map };
        } else if (onError) await onError(path, error);
        else throw error;
      }
    }
    report(slice.length);
  }
}

/** @throws {InputError} where an image's score is no number, as from a model whose values run over */
export function checkScore(score: number, image: string): void {
  const error = noNumber(score, image);
  if (error) throw error;
}

function noNumber(score: number, image: string): InputError | null {
  if (Number.isFinite(score)) return null;
  return new InputError(`Expected a model whose score of ${image} is a finite number, but found ${score}`);
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
