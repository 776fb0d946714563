/**
 * What the metrics mean, in a line each, for who reads a report and has not written it.
 *
 * @module
 */

/** A metric under its name in metrics.json. */
export interface MetricNote {
  /** As a table's head has it. */
  title: string;
  /** What it says; 1 is perfect. */
  meaning: string;
}

/** All metrics of a run. */
export const METRIC_NOTES: Readonly<Record<string, MetricNote>> = {
  image_auroc: {
    title: "Image AUROC",
    meaning: "The chance that an anomalous image scores above a normal one; 0.5 is guessing.",
  },
  image_ap: {
    title: "Image AP",
    meaning: "Precision averaged over all recalls: high where alarms can be trusted at any threshold.",
  },
  image_f1max: {
    title: "Image F1, best",
    meaning: "The highest F1 that any threshold has on these images.",
  },
  pixel_auroc: {
    title: "Pixel AUROC",
    meaning: "The same chance for pixels; large defects count most, and normal background makes it high.",
  },
  pixel_ap: {
    title: "Pixel AP",
    meaning: "Precision of pixels averaged over all recalls; low is usual where defects are small.",
  },
  aupro: {
    title: "AUPRO",
    meaning: "Mean share of each defect that is covered, up to 30 % of normal pixels called anomalous.",
  },
};

/** What is counted at a threshold, under its name in metrics.json. */
export const DECISION_NOTES: Readonly<Record<string, MetricNote>> = {
  precision: { title: "Precision", meaning: "Of what is called anomalous, the share that is." },
  recall: { title: "Recall", meaning: "Of what is anomalous, the share that is called so." },
  f1: { title: "F1", meaning: "Harmonic mean of precision and recall." },
  fpr: { title: "False-positive rate", meaning: "Of what is normal, the share that is called anomalous." },
};
