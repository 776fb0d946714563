/**
 * Tests a trained model on a category's labelled images: the metrics of docs/method.md §7.
 *
 * @module
 */
import { type Category, type TestImage, withoutMask } from "../data/category.ts";
import type { Images } from "../data/images.ts";
import { loadMask } from "../data/load.ts";
import { SettingError } from "../errors.ts";
import { type ImageMetrics, imageMetrics, type PixelMetrics, pixelMetrics } from "../metrics/metrics.ts";
import type { OnProgress } from "../progress.ts";
import { scoreImages, type Scorer } from "./score.ts";

/** All metrics, fractions 0..1, null where undefined. */
export type Metrics = ImageMetrics & PixelMetrics;

/** A test image with its result. */
export interface EvaluatedImage extends TestImage {
  /** [S, S], larger is more anomalous; null from a method that looks at whole images only. */
  map: Float32Array<ArrayBuffer> | null;
  /** Of the whole image, larger is more anomalous. */
  score: number;
  /** Its mask at S×S; null where it is anomalous and has none. */
  truth: Uint8Array | null;
}

/** What an evaluation found. */
export interface Evaluation {
  /** Over all test images. */
  metrics: Metrics;
  /** In the order of the category's `test`. */
  images: EvaluatedImage[];
}

/**
 * What to do about an anomalous test image without a mask, where others of its category have one. Where none has one, nobody
 * says where anomalies are, and there are no pixel metrics.
 *
 *     refuse   it is an error that names the image: its defects would be missing from the pixel metrics
 *     skip     it counts in the image metrics only
 */
export type MissingMasks = "refuse" | "skip";

/** All that can be done. */
export const MISSING_MASKS: readonly MissingMasks[] = ["refuse", "skip"];

/** How to evaluate. */
export interface EvaluateOptions {
  /** "refuse" by default. */
  missing_masks?: MissingMasks;
  /** Told how scoring gets on. */
  onProgress?: OnProgress;
  /** Ends the work early, with an AbortError. */
  signal?: AbortSignal;
}

/**
 * Scores a category's test images and measures how well that tells them apart.
 *
 * @throws {InputError} where an image can't be read; and as `loadTruths`
 */
export async function evaluateCategory(
  model: Scorer,
  category: Category,
  { missing_masks, onProgress = () => {}, signal }: EvaluateOptions = {},
): Promise<Evaluation> {
  const { test, name } = category, { source } = model, S = source.image_size, total = test.length;
  const truths = await loadTruths(source.images, category, S, missing_masks); // first, so that a bad mask is told before the work
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
 * Masks of a category's test images, [S, S] each; null where an image is anomalous and has none.
 *
 * @throws {InputError} where a file can't be read, a mask is not of its image's size, or one is missing that must be there
 */
export async function loadTruths(
  images: Images,
  { name, test }: Category,
  S: number,
  missing_masks: MissingMasks = "refuse",
): Promise<(Uint8Array | null)[]> {
  const [missing] = withoutMask(test);
  if (missing && missing_masks === "refuse") {
    throw new SettingError(
      `Expected a mask for ${missing.path}, as other anomalous test images of ${name} have one, but found none.\n` +
        "With {missing_masks} skip, such images count in the image metrics only.",
      "data",
    );
  }
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
