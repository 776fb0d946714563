/**
 * How good a decision is: images or pixels whose score is above a threshold are called anomalous. And thresholds that labels
 * or a wanted rate of false alarms give.
 *
 * @module
 */
import { rank, total } from "./ranking.ts";

/** What became of labelled samples at a threshold; fractions 0..1, null where there is nothing to divide by. */
export interface Confusion {
  /** Anomalous, and found. */
  tp: number;
  /** Normal, but called anomalous: false alarms. */
  fp: number;
  /** Normal, and called so. */
  tn: number;
  /** Anomalous, but missed. */
  fn: number;
  /** tp / (tp + fp) */
  precision: number | null;
  /** tp / (tp + fn) */
  recall: number | null;
  /** 2 · tp / (2 · tp + fp + fn) */
  f1: number | null;
  /** False-positive rate, fp / (fp + tn). */
  fpr: number | null;
}

/**
 * Counts decisions.
 *
 * @param scores [n]; anomalous where above `threshold`
 * @param labels [n] 0 normal, otherwise anomalous
 */
export function confusion(
  scores: Float32Array,
  labels: ArrayLike<number>,
  threshold: number,
): Confusion {
  let tp = 0, fp = 0, tn = 0, fn = 0;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] > threshold) labels[i] > 0 ? tp++ : fp++;
    else labels[i] > 0 ? fn++ : tn++;
  }
  return confusionOf({ tp, fp, tn, fn });
}

/** What counts come to. */
export function confusionOf({ tp, fp, tn, fn }: Pick<Confusion, "tp" | "fp" | "tn" | "fn">): Confusion {
  const ratio = (a: number, b: number) => b > 0 ? a / b : null;
  return {
    tp,
    fp,
    tn,
    fn,
    precision: ratio(tp, tp + fp),
    recall: ratio(tp, tp + fn),
    f1: ratio(2 * tp, 2 * tp + fp + fn),
    fpr: ratio(fp, fp + tn),
  };
}

/**
 * The threshold with the highest F1; of several the highest. It lies half way between two scores, so that scores made again
 * with other roundings fall on the same side.
 *
 * @param labels [n] 0 normal, otherwise anomalous
 * @returns null with one class only
 * @throws InputError on a NaN score
 */
export function bestF1Threshold(scores: Float32Array, labels: ArrayLike<number>): number | null {
  const { tp, fp } = rank(scores, labels), positives = total(tp), last = tp.length - 1;
  if (positives === 0 || total(fp) === 0) return null;
  let best = 0;
  const f1 = (p: number) => 2 * tp[p] / (tp[p] + fp[p] + positives);
  for (let p = 1; p <= last; p++) if (f1(p) > f1(best)) best = p;
  const sorted = scores.toSorted(), least = sorted[sorted.length - tp[best] - fp[best]];
  if (best === last) return justBelow(least);
  return (least + sorted[sorted.length - tp[best] - fp[best] - 1]) / 2;
}

/**
 * The lowest of the scores of normal samples that at most a share `rate` of them is above.
 *
 * @param scores [n], n > 0
 */
export function quantileThreshold(scores: Float32Array, rate: number): number {
  const above = Math.floor(rate * scores.length + 1e-9); // 0.1 · 30 is a little less than 3
  return scores.toSorted()[Math.max(scores.length - 1 - above, 0)];
}

function justBelow(value: number): number {
  return value - Math.max(Math.abs(value), 1e-30) * 1e-6;
}
