/**
 * The metrics that a run reports for a category, under the names of metrics.json.
 *
 * @module
 */
import { findRegions, rankedAupro, type Regions } from "./aupro.ts";
import { rankedAuroc, rankedAveragePrecision, rankedBestF1 } from "./detection.ts";
import { rank } from "./ranking.ts";

/** How well image scores find anomalous images; fractions 0..1, null with one class only. */
export interface ImageMetrics {
  /** Area under the ROC curve. */
  image_auroc: number | null;
  /** Average precision. */
  image_ap: number | null;
  /** Best F1 over all thresholds. */
  image_f1max: number | null;
}

/** How well maps find anomalous pixels; fractions 0..1, null without anomalous or without normal pixels. */
export interface PixelMetrics {
  /** Area under the ROC curve. */
  pixel_auroc: number | null;
  /** Average precision. */
  pixel_ap: number | null;
  /** Area under the per-region overlap curve, up to a false-positive rate of 0.3. */
  aupro: number | null;
}

/**
 * Image-level metrics of a category.
 *
 * @param scores [n] higher means more anomalous
 * @param labels [n] 0 normal, otherwise anomalous
 * @throws InputError on a NaN score, RangeError if the lengths differ
 */
export function imageMetrics(scores: Float32Array, labels: Uint8Array): ImageMetrics {
  const ranking = rank(scores, labels);
  return {
    image_auroc: rankedAuroc(ranking),
    image_ap: rankedAveragePrecision(ranking),
    image_f1max: rankedBestF1(ranking),
  };
}

/**
 * Pixel-level metrics of a category, all pixels of all images pooled. One sort serves all three.
 *
 * @param maps [n, height, width] higher means more anomalous
 * @param masks [n, height, width] 0 normal, otherwise anomalous
 * @throws InputError on a NaN score, RangeError on sizes that don't agree
 */
export function pixelMetrics(
  maps: Float32Array,
  masks: Uint8Array,
  n: number,
  width: number,
  height: number,
): PixelMetrics {
  return metricsOfPixels({ scores: maps, ...findRegions(masks, n, width, height) });
}

/** Pixels of some maps: a score each, and the defect that it is of. */
export interface PixelSamples extends Regions {
  /** [samples] higher means more anomalous. */
  scores: Float32Array;
}

/** `pixelMetrics` of pixels from anywhere. */
export function metricsOfPixels({ scores, tags, sizes }: PixelSamples): PixelMetrics {
  const ranking = rank(scores, tags);
  return {
    pixel_auroc: rankedAuroc(ranking),
    pixel_ap: rankedAveragePrecision(ranking),
    aupro: rankedAupro(ranking, sizes),
  };
}
