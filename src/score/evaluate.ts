/**
 * Tests a trained model on a category's labelled images: the metrics of docs/method.md §7.
 *
 * @module
 */
import { type Category, type TestImage, withoutMask } from "../data/category.ts";
import type { FloatMap, Rect } from "../data/float_map.ts";
import { type Frame, maskOf, STRETCH } from "../data/frame.ts";
import type { Images } from "../data/images.ts";
import { mapWithin } from "../data/mask_cells.ts";
import { SettingError } from "../errors.ts";
import type { Decision, Threshold } from "../methods/decision.ts";
import { tagRegions, tracePro, type VisitPoint } from "../metrics/aupro.ts";
import { type Curve, precisionRecallCurve, rocCurve, tracedCurve } from "../metrics/curves.ts";
import { bestF1Threshold, type Confusion, confusion } from "../metrics/decision.ts";
import {
  type ImageMetrics,
  imageMetrics,
  metricsOfPixels,
  type PixelMetrics,
  type PixelSamples,
} from "../metrics/metrics.ts";
import { PixelTally } from "../metrics/pixel_tally.ts";
import { rank } from "../metrics/ranking.ts";
import type { OnProgress } from "../progress.ts";
import { scoreImages, type Scorer } from "./score.ts";
import type { Evidence, Labelled } from "./threshold.ts";
import { decide, type Decided, type Label } from "./verdict.ts";

/** All metrics, fractions 0..1, null where undefined. */
export type Metrics = ImageMetrics & PixelMetrics;

/** A test image with its result. */
export interface EvaluatedImage extends TestImage, Omit<Decided, "label"> {
  /**
   * Larger is more anomalous; null from a method that looks at whole images only. Of an image that is cut into tiles, with at
   * most 512 pixels a side: the largest values of what was larger.
   */
  map: FloatMap | null;
  /** Of the whole image, larger is more anomalous. */
  score: number;
  /**
   * Its mask, as large as the map, or as that would be of a method without; null where it is anomalous and has none, or tiles
   * have no map.
   */
  truth: Uint8Array | null;
  /** 1 for pixels of the map that are looked at; null where all are. Others don't count. */
  inside: Uint8Array | null;
  /** What of the image the map covers, pixels of the image. */
  area: Rect;
  /** What the model calls it; null where it has no threshold. */
  called: Label | null;
}

/** How well one kind of defect is found, beside all good test images; fractions 0..1, null where undefined. */
export interface DefectMetrics extends Pick<ImageMetrics, "image_auroc" | "image_ap">, PixelMetrics {
  /** Test images that have it. */
  images: number;
  /** How many of them are called anomalous; null without a threshold. */
  found: number | null;
  /** What the model's threshold makes of them and of the good ones; null where it has none. */
  decided: Confusion | null;
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
  /** Counts of all pixels by kind of defect, `good` for none, where images are cut into tiles; null elsewhere. */
  tallies: ReadonlyMap<string, PixelTally> | null;
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
  /** Called with each image when its turn has come, with its whole map. */
  onImage?: (image: EvaluatedImage) => void | Promise<void>;
  /** Ends the work early, with an AbortError. */
  signal?: AbortSignal;
}

/**
 * Scores a category's test images and measures how well that tells them apart.
 *
 * @throws {InputError} where an image can't be read; and as `checkMasks`
 */
export async function evaluateCategory(
  model: Scorer,
  category: Category,
  { missing_masks, onProgress = () => {}, onImage = () => {}, signal }: EvaluateOptions = {},
): Promise<Evaluation> {
  const { test, name } = category, { images: places, framing = STRETCH } = model.source, total = test.length;
  await checkMasks(places, category, missing_masks); // first, so that a bad one is told before the work
  const report = (done: number) =>
    onProgress({ phase: "evaluation", category: name, done, total, unit: "images", images: done });
  const images: EvaluatedImage[] = [], paths = test.map(({ path }) => path);
  const tallies = framing.tiles > 0 && model.method.maps ? new Map<string, PixelTally>() : null;
  for await (const scored of scoreImages(model, paths, { onImage: report, signal })) {
    const { map, score, normalised, label: called, area, frame } = scored, about = test[images.length];
    const { inside } = frame, isNeeded = map !== null || framing.tiles === 0;
    const truth = isNeeded ? await truthOf(places, about, frame) : null;
    const image: EvaluatedImage = { ...about, map, score, normalised, called, area, inside, truth };
    await onImage(image);
    if (tallies !== null) count(tallies, image);
    images.push(tallies === null ? image : reduced(image));
  }
  return evaluationOf(images, model.decision, tallies);
}

/** An image's mask, as large as its map; null where it is anomalous and has none. */
async function truthOf(
  images: Images,
  { path, mask, label }: TestImage,
  frame: Frame,
): Promise<Uint8Array | null> {
  if (label === 1 && mask === null) return null;
  const { width, height } = frame.map;
  return mask === null ? new Uint8Array(width * height) : maskOf(await images.mask(mask, path), frame);
}

/** Counts an image's pixels among those of its kind. */
function count(
  tallies: Map<string, PixelTally>,
  { map, truth, inside, label, defect }: EvaluatedImage,
): void {
  if (map === null || truth === null) return;
  const kind = label === 0 ? GOOD : defect, tally = tallies.get(kind) ?? new PixelTally();
  const { width, height, data } = map;
  tally.add({ width, height, map: data, mask: truth, inside });
  tallies.set(kind, tally);
}

const GOOD = "good";
/** Pixels a side that are kept of maps of tiles, for pictures. */
const KEPT = 512;

/** An image whose map is at most as large as what is kept. */
function reduced(image: EvaluatedImage): EvaluatedImage {
  const { map, truth, inside } = image;
  if (map === null) return image;
  const reduce = (mask: Uint8Array | null) => mask && mapWithin({ ...map, data: mask }, KEPT).data;
  return { ...image, map: mapWithin(map, KEPT), truth: reduce(truth), inside: reduce(inside) };
}

/** The metrics of images that have been scored. */
function evaluationOf(
  images: EvaluatedImage[],
  decision: Decision,
  tallies: Evaluation["tallies"] = null,
): Evaluation {
  const { scores, labels } = labelledImages(images), pixels = pixelsOf(images, tallies);
  const threshold = (found: Threshold | null, labelled: Labelled | PixelTally | null) =>
    found && labelled && { ...found, ...confusionAt(labelled, found.value) };
  return {
    metrics: { ...imageMetrics(scores, labels), ...pixelMetricsOf(pixels) },
    decided: {
      image_f1max_threshold: bestF1Threshold(scores, labels),
      threshold: images.length > 0
        ? threshold(decision.image, { scores, labels, images: images.length })
        : null,
      pixel_threshold: threshold(decision.pixel, pixels),
      defects: defectsOf(images, decision, tallies),
    },
    images,
    tallies,
  };
}

/** The same images by another decision. */
export function decidedAnew({ images, tallies }: Evaluation, decision: Decision): Evaluation {
  const anew = images.map((image) => {
    const { label: called, normalised } = decide(decision, image.score);
    return { ...image, called, normalised };
  });
  return evaluationOf(anew, decision, tallies);
}

/** What labelled images have to say about thresholds. */
export function evidenceOf({ images, tallies }: Evaluation): Pick<Evidence, "images" | "pixels"> {
  return { images: images.length > 0 ? labelledImages(images) : null, pixels: pixelsOf(images, tallies) };
}

/** The curves that the metrics sum up. */
export function curvesOf({ images, tallies }: Evaluation): Curves {
  const { scores, labels } = labelledImages(images), ofImages = rank(scores, labels);
  const curves = { image_roc: rocCurve(ofImages), image_pr: precisionRecallCurve(ofImages) };
  const pixels = pixelsOf(images, tallies);
  if (pixels === null) return { ...curves, pixel_roc: null, pixel_pr: null, pro: null };
  const isTally = pixels instanceof PixelTally;
  const ranking = isTally ? null : rank(pixels.scores, pixels.tags);
  const counts = isTally ? pixels.counts() : ranking!;
  const trace = (visit: VisitPoint): boolean =>
    isTally ? pixels.tracePro(0.3, visit) : tracePro(ranking!, pixels.sizes, 0.3, visit);
  return {
    ...curves,
    pixel_roc: rocCurve(counts),
    pixel_pr: precisionRecallCurve(counts),
    pro: tracedCurve(trace),
  };
}

function defectsOf(
  images: readonly EvaluatedImage[],
  { image }: Decision,
  tallies: Evaluation["tallies"],
): Record<string, DefectMetrics> {
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
      decided: image && confusion(scores, labels, image.value),
      image_auroc,
      image_ap,
      ...pixelMetricsOf(pixelsOf(some, tallies)),
    }];
  }));
}

/**
 * Reads the masks of a category's test images, so that what is wrong with one is known before the work.
 *
 * @throws {InputError} where a file can't be read, a mask is not of its image's size, or one is missing that must be there
 */
export async function checkMasks(
  images: Images,
  { name, test }: Category,
  missing_masks: MissingMasks = "refuse",
): Promise<void> {
  const [missing] = withoutMask(test);
  if (missing && missing_masks === "refuse") {
    throw new SettingError(
      `Expected a mask for ${missing.path}, as other anomalous test images of ${name} have one, but found none.\n` +
        "With {missing_masks} skip, such images count in the image metrics only.",
      "data",
    );
  }
  for (const { path, mask } of test) if (mask !== null) await images.mask(mask, path);
}

function labelledImages(images: readonly EvaluatedImage[]): Labelled & { labels: Uint8Array } {
  return {
    scores: Float32Array.from(images, ({ score }) => score),
    labels: Uint8Array.from(images, ({ label }) => label),
    images: images.length,
  };
}

/** Pixels that count, of images whose masks and maps are known; null where none are. */
interface Pixels extends PixelSamples {
  /** How many images they are of. */
  readonly images: number;
  /** The defect that each is of, 0 for none. */
  readonly labels: Uint32Array;
}

function pixelsOf(
  images: readonly EvaluatedImage[],
  tallies: Evaluation["tallies"],
): Pixels | PixelTally | null {
  const known = images.filter(({ truth, map }) => truth !== null && map !== null);
  if (known.length === 0) return null;
  if (tallies !== null) {
    const kinds = new Set(known.map(({ label, defect }) => label === 0 ? GOOD : defect));
    return PixelTally.sum([...kinds].map((kind) => tallies.get(kind)!));
  }
  const { tags, sizes } = tagRegions(known.map(({ map, truth }) => ({ ...map!, data: truth! })));
  const scores = new Float32Array(tags.length);
  let end = 0, begin = 0; // of those that count, and of an image
  for (const { map, inside } of known) {
    const { data } = map!;
    for (let i = 0; i < data.length; i++) {
      if (inside !== null && inside[i] === 0) continue;
      scores[end] = data[i];
      tags[end++] = tags[begin + i];
    }
    begin += data.length;
  }
  const labels = tags.subarray(0, end);
  return { scores: scores.subarray(0, end), labels, tags: labels, sizes, images: known.length };
}

function confusionAt(labelled: Labelled | PixelTally, threshold: number): Confusion {
  if (labelled instanceof PixelTally) return labelled.confusion(threshold);
  return confusion(labelled.scores, labelled.labels, threshold);
}

function pixelMetricsOf(pixels: Pixels | PixelTally | null): PixelMetrics {
  if (pixels === null) return { pixel_auroc: null, pixel_ap: null, aupro: null };
  return pixels instanceof PixelTally ? pixels.metrics() : metricsOfPixels(pixels);
}
