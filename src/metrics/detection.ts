/**
 * How well scores tell anomalous samples from normal ones, whether images or pixels: AUROC, average precision and
 * best F1, on raw scores, with equal scores always on the same side of a threshold. docs/method.md §7.
 *
 * @module
 */
import { type Counts, rank, total } from "./ranking.ts";

/**
 * Area under the ROC curve: the chance that an anomalous sample scores above a normal one, ties counted half
 * (Mann–Whitney U). Never flipped: below 0.5 means that the scores point the wrong way.
 *
 * @param scores [samples] higher means more anomalous
 * @param labels [samples] 0 normal, otherwise anomalous
 * @returns 0..1, or null if there is only one class
 * @throws InputError on a NaN score
 */
export function auroc(scores: Float32Array, labels: Uint8Array): number | null {
  return rankedAuroc(rank(scores, labels));
}

/**
 * Average precision, Σ (R_p − R_{p−1})·P_p over the thresholds from high to low (scikit-learn's
 * `average_precision_score`; no interpolation). Arguments and errors as for `auroc`.
 *
 * @returns 0..1, or null if there is only one class
 */
export function averagePrecision(scores: Float32Array, labels: Uint8Array): number | null {
  return rankedAveragePrecision(rank(scores, labels));
}

/**
 * The highest F1 (harmonic mean of precision and recall) over all thresholds. Arguments and errors as for `auroc`.
 *
 * @returns 0..1, or null if there is only one class
 */
export function bestF1(scores: Float32Array, labels: Uint8Array): number | null {
  return rankedBestF1(rank(scores, labels));
}

/** `auroc` of samples that are ranked already. */
export function rankedAuroc({ tp, fp }: Counts): number | null {
  const positives = total(tp), negatives = total(fp);
  if (positives === 0 || negatives === 0) return null;
  let doubled = 0; // pairs won, counted twice so that ties stay whole numbers
  for (let p = 0, above = 0, normal = 0; p < tp.length; above = tp[p], normal = fp[p], p++) {
    doubled += (fp[p] - normal) * (above + tp[p]);
  }
  return doubled / (2 * positives * negatives);
}

/** `averagePrecision` of samples that are ranked already. */
export function rankedAveragePrecision({ tp, fp }: Counts): number | null {
  const positives = total(tp);
  if (positives === 0 || total(fp) === 0) return null;
  let sum = 0;
  for (let p = 0, above = 0; p < tp.length; above = tp[p++]) {
    sum += (tp[p] - above) * (tp[p] / (tp[p] + fp[p]));
  }
  return sum / positives;
}

/** `bestF1` of samples that are ranked already. */
export function rankedBestF1({ tp, fp }: Counts): number | null {
  const positives = total(tp);
  if (positives === 0 || total(fp) === 0) return null;
  let best = 0;
  for (let p = 0; p < tp.length; p++) best = Math.max(best, 2 * tp[p] / (tp[p] + fp[p] + positives));
  return best;
}
