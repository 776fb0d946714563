/**
 * From a score to a verdict (docs/method.md §6).
 *
 * @module
 */
import type { FloatMap, Rect } from "../data/float_map.ts";
import type { Decision } from "../methods/decision.ts";

/** What an image is called. */
export type Label = "normal" | "anomalous";

/** What a decision makes of a score. */
export interface Decided {
  /** 1 / (1 + exp(−(score − threshold) / spread)): 0.5 at the threshold. Null where either is unknown. */
  normalised: number | null;
  /** Anomalous above the threshold; null without one. */
  label: Label | null;
}

/** All that is said of an image. */
export interface Verdict extends Decided {
  /** Raw; larger is more anomalous. */
  score: number;
  /** Larger is more anomalous. Null from a method that looks at whole images only. */
  map: FloatMap | null;
  /** What of the image the map covers, pixels of the image. */
  area: Rect;
}

/** Decides about an image's score. */
export function decide({ image, spread }: Decision, score: number): Decided {
  if (image === null) return { normalised: null, label: null };
  return {
    normalised: spread ? 1 / (1 + Math.exp((image.value - score) / spread)) : null,
    label: score > image.value ? "anomalous" : "normal",
  };
}
