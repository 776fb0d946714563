/**
 * Tests a trained model on a category's labelled images: the metrics of docs/method.md §7.
 *
 * @module
 */
import type { Category, TestImage } from "../data/category.ts";
import type { Images } from "../data/images.ts";
import { loadMask } from "../data/load.ts";
import { type ImageMetrics, imageMetrics, type PixelMetrics, pixelMetrics } from "../metrics/metrics.ts";
import type { OnProgress } from "../progress.ts";
import { type Scorer, scoreImages } from "./score.ts";

/** All metrics, fractions 0..1, null where undefined. */
export type Metrics = ImageMetrics & PixelMetrics;

/** A test image with its result. */
export interface EvaluatedImage extends TestImage {
  /** [S, S], larger is more anomalous; null from a method that looks at whole images only. */
  map: Float32Array<ArrayBuffer> | null;
  /** Of the whole image, larger is more anomalous. */
  score: number;
  /** Its mask at S×S; null where it is anomalous and nobody says where. */
  truth: Uint8Array | null;
}

/** What an evaluation found. */
export interface Evaluation {
  /** Over all test images. */
  metrics: Metrics;
  /** In the order of the category's `test`. */
  images: EvaluatedImage[];
}

/** How to evaluate. */
export interface EvaluateOptions {
  /** Told how scoring gets on. */
  onProgress?: OnProgress;
  /** Ends the work early, with an AbortError. */
  signal?: AbortSignal;
}

/**
 * Scores a category's test images and measures how well that tells them apart. Anomalous images without a mask count in
 * the image metrics only.
 *
 * @throws {InputError} where a file can't be read, or a mask is not of its image's size
 */
export async function evaluateCategory(
  model: Scorer,
  category: Category,
  { onProgress = () => {}, signal }: EvaluateOptions = {},
): Promise<Evaluation> {
  const { test, name } = category, { source } = model, S = source.image_size, total = test.length;
  const truths = await loadTruths(source.images, category, S); // first, so that a bad mask is told before the work
  const report = (done: number) =>
    onProgress({ phase: "evaluation", category: name, done, total, unit: "images", images: done });
  const images: EvaluatedImage[] = [];
  const paths = test.map(({ path }) => path);
  for await (const { map, score } of scoreImages(model, paths, report, signal)) {
    const i = images.length;
    images.push({ ...test[i], map, score, truth: truths[i] });
  }
  const scores = Float32Array.from(images, ({ score }) => score);
  const labels = Uint8Array.from(images, ({ label }) => label);
  const metrics = { ...imageMetrics(scores, labels), ...pixelMetricsOf(images, S) };
  return { metrics, images };
}

/**
 * Masks of a category's test images, [S, S] each; null where an image is anomalous and nobody says where.
 *
 * @throws {InputError} where a file can't be read, or a mask is not of its image's size
 */
export async function loadTruths(
  images: Images,
  { test }: Category,
  S: number,
): Promise<(Uint8Array | null)[]> {
  const truths: (Uint8Array | null)[] = [];
  for (const { path, mask, label } of test) {
    truths.push(label && !mask ? null : await loadMask(images, mask, path, S));
  }
  return truths;
}

function pixelMetricsOf(images: readonly EvaluatedImage[], S: number): PixelMetrics {
  const known = images.filter(({ truth, map }) => truth !== null && map !== null), area = S * S;
  const maps = new Float32Array(known.length * area), masks = new Uint8Array(maps.length);
  known.forEach(({ map, truth }, i) => {
    maps.set(map!, i * area);
    masks.set(truth!, i * area);
  });
  return pixelMetrics(maps, masks, known.length, S, S);
}
