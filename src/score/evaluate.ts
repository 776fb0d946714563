/**
 * Tests a trained model on a category's labelled images: the metrics of docs/method.md §7.
 *
 * @module
 */
import { type Category, type TestImage, withoutMask } from "../data/category.ts";
import type { FloatMap } from "../data/float_map.ts";
import type { Images } from "../data/images.ts";
import { loadMask } from "../data/load.ts";
import { SettingError } from "../errors.ts";
import type { Decision, Threshold } from "../methods/decision.ts";
import { findRegions, tracePro } from "../metrics/aupro.ts";
import { type Curve, precisionRecallCurve, rocCurve, tracedCurve } from "../metrics/curves.ts";
import { bestF1Threshold, type Confusion, confusion } from "../metrics/decision.ts";
import { type ImageMetrics, imageMetrics, type PixelMetrics, pixelMetrics } from "../metrics/metrics.ts";
import { rank } from "../metrics/ranking.ts";
import type { OnProgress } from "../progress.ts";
import { scoreImages, type Scorer } from "./score.ts";
import type { Evidence, Labelled } from "./threshold.ts";
import { decide, type Decided, type Label } from "./verdict.ts";

/** All metrics, fractions 0..1, null where undefined. */
export type Metrics = ImageMetrics & PixelMetrics;

/** A test image with its result. */
export interface EvaluatedImage extends TestImage, Omit<Decided, "label"> {
  /** [S, S], larger is more anomalous; null from a method that looks at whole images only. */
  map: FloatMap | null;
  /** Of the whole image, larger is more anomalous. */
  score: number;
  /** Its mask at S×S; null where it is anomalous and has none. */
  truth: Uint8Array | null;
  /** What the model calls it; null where it has no threshold. */
  called: Label | null;
}

/** How well one kind of defect is found, beside all good test images; fractions 0..1, null where undefined. */
export interface DefectMetrics extends Pick<ImageMetrics, "image_auroc" | "image_ap">, PixelMetrics {
  /** Test images that have it. */
  images: number;
  /** How many of them are called anomalous; null without a threshold. */
  found: number | null;
}

/** How good the model's decisions are. */
export interface DecisionMetrics {
  /** The threshold at which F1 would be best on these images. */
  image_f1max_threshold: number | null;
  /** The model's threshold, and what it makes of the images; null where it has none. */
  threshold: (Threshold & Confusion) | null;
  /** The same for pixels. */
  pixel_threshold: (Threshold & Confusion) | null;
  /** By kind of defect. */
  defects: Record<string, DefectMetrics>;
}

/** What an evaluation found. */
export interface Evaluation {
  /** Over all test images. */
  metrics: Metrics;
  /** At the model's thresholds, and by kind of defect. */
  decided: DecisionMetrics;
  /** In the order of the category's `test`. */
  images: EvaluatedImage[];
}

/** Curves over all thresholds (metrics/curves.ts); null where undefined. */
export interface Curves {
  image_roc: Curve | null;
  image_pr: Curve | null;
  pixel_roc: Curve | null;
  pixel_pr: Curve | null;
  pro: Curve | null;
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
  for await (
    const { map, score, normalised, label } of scoreImages(model, paths, { onImage: report, signal })
  ) {
    const i = images.length;
    images.push({ ...test[i], map, score, normalised, called: label, truth: truths[i] });
  }
  return evaluationOf(images, model.decision);
}

/** The metrics of images that have been scored. */
export function evaluationOf(images: EvaluatedImage[], decision: Decision): Evaluation {
  const { scores, labels } = labelledImages(images), pixels = labelledPixels(images);
  const threshold = (found: Threshold | null, labelled: Labelled | null) =>
    found && labelled && { ...found, ...confusion(labelled.scores, labelled.labels, found.value) };
  return {
    metrics: { ...imageMetrics(scores, labels), ...pixelMetricsOf(pixels) },
    decided: {
      image_f1max_threshold: bestF1Threshold(scores, labels),
      threshold: images.length > 0
        ? threshold(decision.image, { scores, labels, images: images.length })
        : null,
      pixel_threshold: threshold(decision.pixel, pixels),
      defects: defectsOf(images, decision),
    },
    images,
  };
}

/** The same images by another decision. */
export function decidedAnew({ images }: Evaluation, decision: Decision): Evaluation {
  const anew = images.map((image) => {
    const { label: called, normalised } = decide(decision, image.score);
    return { ...image, called, normalised };
  });
  return evaluationOf(anew, decision);
}

/** What labelled images have to say about thresholds. */
export function evidenceOf({ images }: Evaluation): Pick<Evidence, "images" | "pixels"> {
  return { images: images.length > 0 ? labelledImages(images) : null, pixels: labelledPixels(images) };
}

/** The curves that the metrics sum up. */
export function curvesOf({ images }: Evaluation): Curves {
  const { scores, labels } = labelledImages(images), ofImages = rank(scores, labels);
  const curves = { image_roc: rocCurve(ofImages), image_pr: precisionRecallCurve(ofImages) };
  const pixels = labelledPixels(images);
  if (pixels === null) return { ...curves, pixel_roc: null, pixel_pr: null, pro: null };
  const { tags, sizes } = findRegions(pixels.labels, pixels.images, pixels.width, pixels.height);
  const ofPixels = rank(pixels.scores, tags);
  return {
    ...curves,
    pixel_roc: rocCurve(ofPixels),
    pixel_pr: precisionRecallCurve(ofPixels),
    pro: tracedCurve((visit) => tracePro(ofPixels, sizes, 0.3, visit)),
  };
}

function defectsOf(images: readonly EvaluatedImage[], { image }: Decision): Record<string, DefectMetrics> {
  const good = images.filter(({ label }) => label === 0);
  const kinds = [...new Set(images.filter(({ label }) => label === 1).map(({ defect }) => defect))];
  return Object.fromEntries(kinds.map((kind) => {
    const those = images.filter(({ label, defect }) => label === 1 && defect === kind);
    const some = [...good, ...those], { scores, labels } = labelledImages(some);
    const { image_auroc, image_ap } = imageMetrics(scores, labels);
    const found = image && those.filter(({ score }) => score > image.value).length;
    return [kind, {
      images: those.length,
      found,
      image_auroc,
      image_ap,
      ...pixelMetricsOf(labelledPixels(some)),
    }];
  }));
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

function labelledImages(images: readonly EvaluatedImage[]): Labelled & { labels: Uint8Array } {
  return {
    scores: Float32Array.from(images, ({ score }) => score),
    labels: Uint8Array.from(images, ({ label }) => label),
    images: images.length,
  };
}

/** Pixels of all images whose masks and maps are known, [images, S, S]; null where none are. */
interface Pixels extends Labelled {
  readonly labels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

function labelledPixels(images: readonly EvaluatedImage[]): Pixels | null {
  const known = images.filter(({ truth, map }) => truth !== null && map !== null);
  if (known.length === 0) return null;
  const { width, height } = known[0].map!, area = width * height;
  const scores = new Float32Array(known.length * area), labels = new Uint8Array(scores.length);
  known.forEach(({ map, truth }, i) => {
    scores.set(map!.data, i * area);
    labels.set(truth!, i * area);
  });
  return { scores, labels, images: known.length, width, height };
}

function pixelMetricsOf(pixels: Pixels | null): PixelMetrics {
  if (pixels === null) return { pixel_auroc: null, pixel_ap: null, aupro: null };
  const { scores, labels, images, width, height } = pixels;
  return pixelMetrics(scores, labels, images, width, height);
}
