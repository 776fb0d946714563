/**
 * What a model remembers of deciding: above which scores images and pixels are anomalous, how that was found, and the scores
 * of held-out normal images that it was found on. In a model file: `decision` in the metadata, as JSON, and the tensors
 * `held_out.scores` [n] and `held_out.peaks` [n].
 *
 * @module
 */
import * as v from "npm:valibot@^1.5.0";
import type { HostTensor } from "../optim/parameters.ts";

/** Where a threshold is from. `normal-quantile` saw normal images only; `f1` and `fpr` used the labels of test images. */
export type ThresholdSource = "normal-quantile" | "f1" | "fpr" | "given";

/** Above what scores, of images or of pixels, are anomalous. */
export interface Threshold {
  /** A score above it is anomalous. */
  readonly value: number;
  /** How it was found. */
  readonly from: ThresholdSource;
  /** The quantile, or the rate of false positives, that was asked for. */
  readonly at?: number;
  /** How many images it was found on; 0 where it was given. */
  readonly images: number;
}

/** What a model remembers of deciding. */
export interface Decision {
  /** For scores of images; null where none was found. */
  readonly image: Threshold | null;
  /** For values of maps; null where none was found, or there are no maps. */
  readonly pixel: Threshold | null;
  /** Standard deviation of the scores of held-out normal images; null where none were held out. */
  readonly spread: number | null;
}

/** Nothing is known. */
export const UNDECIDED: Decision = { image: null, pixel: null, spread: null };

/** Results of normal images that the models which scored them had not seen in their training. */
export interface HeldOut {
  /** [n] of the images. */
  readonly scores: Float32Array<ArrayBuffer>;
  /** [n] largest values of their maps; null where there are none. */
  readonly peaks: Float32Array<ArrayBuffer> | null;
}

/** How a threshold is to be found. */
export type ThresholdRule =
  | { readonly from: "normal-quantile" | "fpr"; readonly at: number }
  | { readonly from: "f1" }
  | { readonly from: "given"; readonly value: number }
  | { readonly from: "none" };

/** What a setting of thresholds can be, in words. */
export const THRESHOLD_EXPECTED =
  "none, a number, quantile:Q with Q from 0 to 1, f1, or fpr:X with X from 0 to 1";

/** Reads `none`, a number, `quantile:Q`, `f1` or `fpr:X`; null for anything else. */
export function readThresholdRule(text: string | number): ThresholdRule | null {
  if (typeof text === "number") return Number.isFinite(text) ? { from: "given", value: text } : null;
  if (text === "none" || text === "f1") return { from: text };
  const [, kind, digits] = /^(quantile|fpr):(\d*\.?\d+)$/.exec(String(text)) ?? [], at = Number(digits);
  if (kind === undefined || !(at >= 0 && at <= 1)) return null;
  return { from: kind === "fpr" ? "fpr" : "normal-quantile", at };
}

/** Whether a rule can be followed only where there are test images with labels. */
export function needsLabels(text: string | number): boolean {
  const from = readThresholdRule(text)?.from;
  return from === "f1" || from === "fpr";
}

/** A threshold in words, as `0.95 quantile of 200 held-out normal images`. */
export function describeThreshold({ from, at, images }: Threshold): string {
  switch (from) {
    case "normal-quantile":
      return `${at} quantile of ${images} held-out normal images`;
    case "f1":
      return `best F1 on ${images} test images, whose labels were used`;
    case "fpr":
      return `false-positive rate of ${at} on ${images} test images, whose labels were used`;
    case "given":
      return "given by hand";
  }
}

const number = v.pipe(v.number(), v.finite());
const THRESHOLD = v.object({
  value: number,
  from: v.picklist(["normal-quantile", "f1", "fpr", "given"]),
  at: v.optional(number),
  images: v.pipe(v.number(), v.integer(), v.minValue(0)),
});
const DECISION = v.object({
  image: v.nullable(THRESHOLD),
  pixel: v.nullable(THRESHOLD),
  spread: v.nullable(v.pipe(number, v.gtValue(0))),
});

/** The decision in a model file's metadata; null where it is none. */
export function readDecision(json: string): Decision | null {
  try {
    const { success, output } = v.safeParse(DECISION, JSON.parse(json));
    return success ? output as Decision : null;
  } catch {
    return null;
  }
}

const SCORES = "held_out.scores", PEAKS = "held_out.peaks";

/** What a model file holds of held-out images. */
export function heldOutTensors(heldOut: HeldOut | null): [name: string, tensor: HostTensor][] {
  if (heldOut === null) return [];
  const { scores, peaks } = heldOut, shape = [scores.length];
  return [[SCORES, { data: scores, shape }], ...(peaks ? [[PEAKS, { data: peaks, shape }] as const] : [])]
    .map(([name, tensor]) => [name, tensor] as [string, HostTensor]);
}

/** Takes what a model file holds of held-out images out of its tensors. @throws {RangeError} where sizes don't agree */
export function takeHeldOut(tensors: Map<string, HostTensor>): HeldOut | null {
  const scores = tensors.get(SCORES), peaks = tensors.get(PEAKS);
  tensors.delete(SCORES);
  tensors.delete(PEAKS);
  if (!scores) return null;
  for (const [name, tensor] of [[SCORES, scores], [PEAKS, peaks ?? scores]] as const) {
    if (tensor.shape.length === 1 && tensor.shape[0] === scores.shape[0]) continue;
    throw new RangeError(`Expected a tensor ${name} [${scores.shape[0]}], but found [${tensor.shape}]`);
  }
  const values = ({ data }: HostTensor) => Float32Array.from(data);
  return { scores: values(scores), peaks: peaks ? values(peaks) : null };
}
