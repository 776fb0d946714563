/**
 * How thresholds are found: by a quantile of held-out normal images, by the labels of test images, or by hand.
 *
 * @module
 */
import type { Category } from "../data/category.ts";
import { InputError, SettingError } from "../errors.ts";
import { PixelTally } from "../metrics/pixel_tally.ts";
import { bestF1Threshold, quantileThreshold } from "../metrics/decision.ts";
import {
  type Decision,
  type HeldOut,
  needsLabels,
  readThresholdRule,
  type Threshold,
  THRESHOLD_EXPECTED,
  type ThresholdRule,
} from "../methods/decision.ts";

/** Scores with labels. */
export interface Labelled {
  /** [n], of images or of pixels. */
  readonly scores: Float32Array;
  /** [n], 0 normal, otherwise anomalous. */
  readonly labels: ArrayLike<number>;
  /** How many images they are of. */
  readonly images: number;
}

/** What is known of scores, to decide by. */
export interface Evidence {
  /** Of normal images; null where none were held out. */
  readonly heldOut: HeldOut | null;
  /** Of labelled test images; null where they are not known. */
  readonly images?: Labelled | null;
  /** Of their pixels, or counts of these; null where there are no maps or masks. */
  readonly pixels?: Labelled | PixelTally | null;
}

/** The rules for images and for pixels, as settings give them. */
export interface DecisionRules {
  /** For images: `none`, a number, `quantile:Q`, `f1` or `fpr:X`. */
  readonly threshold: string | number;
  /** The same for values of maps. */
  readonly pixel_threshold: string | number;
}

/**
 * Thresholds by rules; null where there is nothing to find one on.
 *
 * @throws {InputError} for a rule that there is not
 */
export function decisionBy({ threshold, pixel_threshold }: DecisionRules, evidence: Evidence): Decision {
  const { heldOut, images = null, pixels = null } = evidence;
  return {
    image: findThreshold(ruleOf(threshold), heldOut?.scores ?? null, images),
    pixel: findThreshold(ruleOf(pixel_threshold), heldOut?.peaks ?? null, pixels),
    spread: heldOut && deviation(heldOut.scores),
  };
}

/** Whether rules ask for the labels of test images; before these are scored. @throws {SettingError} where they do, and there are none */
export function askForLabels(
  { threshold, pixel_threshold }: DecisionRules,
  { name, test }: Pick<Category, "name" | "test">,
): boolean {
  const [setting, rule] = needsLabels(threshold)
    ? ["{threshold}", threshold]
    : ["{pixel_threshold}", pixel_threshold];
  if (!needsLabels(rule)) return false;
  if (test.length > 0) return true;
  throw new SettingError(`Expected test images of ${name} for ${setting} ${rule}, but found none`, "data");
}

function ruleOf(text: string | number): ThresholdRule {
  const rule = readThresholdRule(text);
  if (rule !== null) return rule;
  throw new InputError(`Expected a threshold to be ${THRESHOLD_EXPECTED}, but found ${JSON.stringify(text)}`);
}

function findThreshold(
  rule: ThresholdRule,
  normal: Float32Array | null,
  labelled: Labelled | PixelTally | null,
): Threshold | null {
  const { from } = rule;
  if (from === "none") return null;
  if (from === "given") return { value: rule.value, from, images: 0 };
  if (from === "normal-quantile") {
    if (!normal?.length) return null;
    return { value: quantileThreshold(normal, 1 - rule.at), from, at: rule.at, images: normal.length };
  }
  if (labelled === null) return null;
  const { images } = labelled, isTally = labelled instanceof PixelTally;
  if (from === "f1") {
    const value = isTally ? labelled.bestF1Threshold() : bestF1Threshold(labelled.scores, labelled.labels);
    return value === null ? null : { value, from, images };
  }
  const value = isTally ? labelled.normalQuantile(rule.at) : normalQuantile(labelled, rule.at);
  return value === null ? null : { value, from, at: rule.at, images };
}

function normalQuantile({ scores, labels }: Labelled, rate: number): number | null {
  const good = scores.filter((_, i) => labels[i] === 0);
  return good.length > 0 ? quantileThreshold(good, rate) : null;
}

/** Of at least two values that differ, else null. */
function deviation(values: Float32Array): number | null {
  if (values.length < 2) return null;
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1);
  return variance > 0 ? Math.sqrt(variance) : null;
}
