// @ts-check
/**
 * What a threshold makes of images: counts, verdicts, order. Nothing of the page.
 *
 * @module
 */

/** @import { ReportImage, ReportCounts } from "../report_input.ts" */
/** @typedef {"missed" | "false alarm" | "found" | "passed"} Verdict */
/** @typedef {"mistakes" | "high" | "low" | "path"} Order */
/** @typedef {{ text: string, verdict: string, label: string, kind: string }} Filter empty texts let everything through */
/** @typedef {Pick<ReportImage, "score" | "label" | "kind" | "path">} Judged */

/**
 * @param {Pick<ReportImage, "score" | "label">} image
 * @param {number} threshold above which a score is anomalous
 * @returns {Verdict}
 */
export function verdictOf({ score, label }, threshold) {
  if (score > threshold) return label === 1 ? "found" : "false alarm";
  return label === 1 ? "missed" : "passed";
}

/** @param {Verdict} verdict */
export function isMistake(verdict) {
  return verdict === "missed" || verdict === "false alarm";
}

/**
 * @param {readonly Pick<ReportImage, "score" | "label">[]} images @param {number} threshold
 * @returns {ReportCounts}
 */
export function countsAt(images, threshold) {
  const count = { missed: 0, "false alarm": 0, found: 0, passed: 0 };
  for (const image of images) count[verdictOf(image, threshold)]++;
  const { found: tp, "false alarm": fp, passed: tn, missed: fn } = count;
  const ratio = (/** @type {number} */ a, /** @type {number} */ b) => b > 0 ? a / b : null;
  return {
    ...{ tp, fp, tn, fn, precision: ratio(tp, tp + fp), recall: ratio(tp, tp + fn) },
    ...{ f1: ratio(2 * tp, 2 * tp + fp + fn), fpr: ratio(fp, fp + tn) },
  };
}

/**
 * The threshold that a page begins with: the model's, or the best for these images, or the highest score.
 *
 * @param {{ threshold: number | null, bestF1: number | null, images: readonly Pick<ReportImage, "score">[] }} data
 */
export function firstThreshold({ threshold, bestF1, images }) {
  return threshold ?? bestF1 ?? images.reduce((highest, { score }) => Math.max(highest, score), -Infinity);
}

/**
 * Those that a filter lets through.
 *
 * @template {Judged} T @param {readonly T[]} images @param {Filter} filter @param {number} threshold
 */
export function matching(images, { text, verdict, label, kind }, threshold) {
  const wanted = text.trim().toLowerCase();
  return images.filter((image) => {
    const found = verdictOf(image, threshold);
    return image.path.toLowerCase().includes(wanted) && (label === "" || image.label === Number(label)) &&
      (kind === "" || image.kind === kind) &&
      (verdict === "" || verdict === found || verdict === "wrong" && isMistake(found));
  });
}

/**
 * In order. Mistakes first: what was missed, the lowest score first; false alarms, the highest first; then the others, by how near
 * they are to the threshold.
 *
 * @template {Judged} T @param {readonly T[]} images @param {Order} order @param {number} threshold
 */
export function ordered(images, order, threshold) {
  const byPath = (/** @type {T} */ a, /** @type {T} */ b) => a.path < b.path ? -1 : Number(a.path > b.path);
  /** @type {(image: T) => [number, number]} */
  const place = (image) => {
    const verdict = verdictOf(image, threshold);
    if (verdict === "missed") return [0, image.score];
    if (verdict === "false alarm") return [1, -image.score];
    return [2, Math.abs(image.score - threshold)];
  };
  /** @type {Record<Order, (a: T, b: T) => number>} */
  const compare = {
    mistakes: (a, b) => place(a)[0] - place(b)[0] || place(a)[1] - place(b)[1],
    high: (a, b) => b.score - a.score,
    low: (a, b) => a.score - b.score,
    path: byPath,
  };
  return [...images].sort((a, b) => compare[order](a, b) || byPath(a, b));
}

/**
 * How many scores of each label lie in each of equal bins.
 *
 * @param {readonly Pick<ReportImage, "score" | "label">[]} images @param {number} bins
 * @returns {{ low: number, high: number, centres: number[], normal: number[], anomalous: number[] }}
 */
export function binned(images, bins) {
  let low = Infinity, high = -Infinity;
  for (const { score } of images) {
    low = Math.min(low, score);
    high = Math.max(high, score);
  }
  if (!(high > low)) high = low + (Math.abs(low) || 1) * 1e-6;
  const counts = [new Array(bins).fill(0), new Array(bins).fill(0)];
  for (const { score, label } of images) {
    counts[label][Math.min(Math.floor((score - low) / (high - low) * bins), bins - 1)]++;
  }
  const centres = counts[0].map((_, i) => low + (i + 0.5) * (high - low) / bins);
  return { low, high, centres, normal: counts[0], anomalous: counts[1] };
}

/**
 * The folder that paths share, with its slash; empty where there is none.
 *
 * @param {readonly string[]} paths
 */
export function commonFolder(paths) {
  if (paths.length === 0) return "";
  let common = paths[0].slice(0, Math.max(paths[0].lastIndexOf("/"), paths[0].lastIndexOf("\\")) + 1);
  while (common !== "" && !paths.every((path) => path.startsWith(common))) {
    common = common.replace(/[^/\\]*[/\\]$/, "");
  }
  return common;
}
