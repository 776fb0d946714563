/**
 * Maps and scores of images by name, a few at a time so that memory stays bounded.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { FloatMap, Rect } from "../data/float_map.ts";
import type { Frame } from "../data/frame.ts";
import { loadPieces, type Unreadable } from "../data/load.ts";
import type { Preview } from "../data/images.ts";
import type { Decision } from "../methods/decision.ts";
import type { Fitted, MethodTraits } from "../methods/method.ts";
import type { Settings } from "../methods/settings.ts";
import { upload } from "../model/batches.ts";
import { featuresOf, type FeatureSource, type PieceFeatures, sizesOf, sourceFor } from "./features.ts";
import { type ImageResult, Joining, type PieceResult } from "./tiles.ts";
import { decide, type Decided } from "./verdict.ts";

/** One image's result. */
export interface ScoredImage extends Decided {
  /** Its name, as it was given. */
  path: string;
  /** Larger is more anomalous; null from a method that looks at whole images only. */
  map: FloatMap | null;
  /** Of the whole image, larger is more anomalous. */
  score: number;
  /** What of the image the map covers, pixels of the image. */
  area: Rect;
  /** How it was looked at. */
  frame: Frame;
  /** What a heat map is drawn on, where the images' source makes it beside everything else. */
  preview?: Promise<Preview>;
}

/** Pieces of images that are scored together. */
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
  /** Called with the number of images that are scored, or can't be, first with 0. */
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
  const { source, method, decision } = model;
  const pieces = loadPieces(source.images, paths, source.image_size, source.framing);
  const features = featuresOf(sourceFor(source, method), pieces, signal);
  let done = 0;
  onImage(done);
  for await (const result of scorePieces(model, features, signal)) {
    const path = paths[result.index], error = "error" in result ? result.error : noNumber(result.score, path);
    onImage(++done);
    if (error !== null) {
      if (!onError) throw error;
      await onError(path, error);
    } else if (!("error" in result)) {
      const { score, map, frame, preview } = result;
      yield { path, score, ...decide(decision, score), map, area: frame.area, frame, preview };
    }
  }
}

/** An image's result, and which image it is of. */
export interface ScoredFrame extends ImageResult {
  index: number;
  frame: Frame;
  preview?: Promise<Preview>;
}

/** Scores of images whose pieces' features come one after the other; in the place of one that can't be read, the error. */
export async function* scorePieces(
  model: Pick<Scorer, "source" | "method" | "fitted" | "settings">,
  pieces: AsyncIterable<PieceFeatures | Unreadable> | Iterable<PieceFeatures>,
  signal?: AbortSignal,
): AsyncGenerator<ScoredFrame | Unreadable> {
  let batch: PieceFeatures[] = [], joining: Joining | null = null;
  async function* flush(): AsyncGenerator<ScoredFrame> {
    signal?.throwIfAborted();
    const ready = batch, results = ready.length > 0 ? await scoreFeatures(model, ready) : [];
    batch = [];
    for (const [i, { index, frame, piece, isLast, preview }] of ready.entries()) {
      joining ??= new Joining(frame, model.settings);
      joining.add(piece, results[i]);
      if (!isLast) continue;
      const result = joining.finish();
      joining = null;
      yield { index, frame, preview, ...result };
    }
  }
  for await (const piece of pieces) {
    if (!("error" in piece)) batch.push(piece);
    if ("error" in piece || batch.length === BATCH) yield* flush();
    if ("error" in piece) {
      joining = null;
      yield piece;
    }
  }
  yield* flush();
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

/** What a method finds on pieces, each looked at as an image. */
async function scoreFeatures(
  { source, method, fitted, settings }: Pick<Scorer, "source" | "method" | "fitted" | "settings">,
  pieces: readonly PieceFeatures[],
): Promise<PieceResult[]> {
  const { gpu, image_size: S } = source, area = S * S;
  const sizes = sizesOf(source), length = sizes.C * sizes.H * sizes.W;
  const features = pieces.map(({ values }) => values);
  const whole = method.pooled ? features.map((values) => values.subarray(length)) : [];
  const inputs = [upload(gpu, features, sizes)];
  try {
    if (method.input === "both") {
      inputs.push(upload(gpu, pieces.map(({ pixels }) => pixels!), { C: 3, H: S, W: S }));
    }
    const [batch, pixels] = inputs;
    const { maps, scores, window } = await fitted.score(batch, whole, settings, pixels);
    return Array.from(
      scores,
      (score, i) => ({ score, window, map: maps && maps.slice(i * area, (i + 1) * area) }),
    );
  } finally {
    inputs.forEach((input) => gpu.release(input));
  }
}
