/**
 * What a report shows, as plain values, and what of it the page's script is given.
 *
 * @module
 */
import type { Picture } from "./embed.ts";

/** A test image with its result. */
export interface ReportImage {
  path: string;
  /** 0 normal, 1 anomalous. */
  label: 0 | 1;
  /** The kind of defect; of a normal image null. */
  kind: string | null;
  score: number;
  /** 0..1, 0.5 at the threshold; null where unknown. */
  normalised: number | null;
  /** Null where none was drawn. */
  picture: Picture | null;
}

/** Above what something is anomalous. */
export interface ReportThreshold {
  value: number;
  /** How it was found. */
  words: string;
}

/** What became of images or pixels at a threshold; fractions 0..1, null where undefined. */
export interface ReportCounts {
  tp: number;
  fp: number;
  tn: number;
  fn: number;
  precision: number | null;
  recall: number | null;
  f1: number | null;
  fpr: number | null;
}

/** What is known of a kind of defect; fractions 0..1, null where undefined. */
export interface ReportKind {
  images: number;
  /** How many are called anomalous; null without a threshold. */
  found: number | null;
  image_auroc: number | null;
  image_ap: number | null;
  pixel_auroc: number | null;
  pixel_ap: number | null;
  aupro: number | null;
}

/** A line through points. */
export interface ReportCurve {
  x: readonly number[];
  y: readonly number[];
}

/** Names of the curves. */
export type CurveName = "image_roc" | "image_pr" | "pixel_roc" | "pixel_pr" | "pro";

/** What a page shows. */
export interface ReportInput {
  /** Heading and window title: the category. */
  title: string;
  /** Under it, in a sentence. */
  subtitle: string;
  /** By their names in metrics.json; fractions 0..1, null where undefined. */
  metrics: Readonly<Record<string, number | null>>;
  /** The model's, and what it makes of the images; null where it has none. */
  threshold: (ReportThreshold & Partial<ReportCounts>) | null;
  /** The same for pixels. */
  pixelThreshold: (ReportThreshold & Partial<ReportCounts>) | null;
  /** The threshold at which F1 would be best on these images; null where undefined. */
  bestF1: number | null;
  /** The command that gives a model another threshold, which stands behind it. */
  command: string;
  /** By name. */
  kinds: Readonly<Record<string, ReportKind>>;
  curves: Readonly<Record<CurveName, ReportCurve | null>>;
  /** In any order; may be empty. */
  images: readonly ReportImage[];
  /** The scores at which the colours begin, and are the strongest. */
  range: { low: number; high: number };
  /** Mean training loss of each epoch. */
  lossCurve: readonly number[];
  /** What it was made of and with: facts by title, in groups by theirs. */
  about: Readonly<Record<string, Readonly<Record<string, string | number | null>>>>;
  /** Every setting in effect, by name. */
  settings: Readonly<Record<string, unknown>>;
}

/** What the page's script is given. */
export interface ReportData
  extends Pick<ReportInput, "bestF1" | "curves" | "images" | "range" | "lossCurve"> {
  threshold: number | null;
  pixelThreshold: { value: number; fpr: number | null } | null;
  /** [256, 3] bytes, in base64. */
  colours: string;
}
