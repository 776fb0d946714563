/**
 * What FCDD can be told: settings of Liznerski et al. 2021 (arXiv 2007.01760) for MVTec-AD, and the demo's.
 *
 * @module
 */
import { ANOMALIES, type AnomalyName } from "../../data/anomalies/catalogue.ts";
import type { Method } from "../method.ts";
import { oneOf, type Rules, whole } from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";

/** What is known of anomalies. */
const LABELS = ["none", "pixels", "images"] as const;

/** Settings of FCDD. */
export interface FcddSettings extends LearningSettings {
  /** What is known of anomalies: nothing, where they are, or which images have some. */
  labels: typeof LABELS[number];
  /** Synthetic anomalies, for labels of pixels. */
  anomalies: AnomalyName;
  /** Anomalous images that are drawn beforehand and used again and again; 0 for new ones in every step. */
  anomaly_pool: number;
  /** Channels of the convolutions. */
  width: number;
}

/** The rules. */
export const FCDD_RULES: Rules<FcddSettings> = {
  ...LEARNING_RULES,
  labels: {
    schema: oneOf(...LABELS),
    value: "NAME",
    help: "what anomalies are learned from: none; pixels, synthetic ones unless labelled images are given; " +
      "images, irrelevant or labelled ones",
  },
  anomalies: {
    schema: oneOf(...Object.keys(ANOMALIES)),
    value: "NAME",
    help: `with {labels} pixels, synthetic anomalies: ${Object.keys(ANOMALIES).join(", ")}`,
  },
  anomaly_pool: {
    schema: whole(0, 1_000_000),
    value: "N",
    help:
      "with {labels} pixels, so many anomalous images, drawn once and used again; 0: new ones in every step",
  },
  width: { schema: whole(1, 65536), value: "N", help: "channels of the convolutions" },
};

const byEpochs = byPreset<FcddSettings>({
  image_size: 224,
  feature_size: 28,
  epochs: 200,
  batch_size: 16,
  lr: 1e-3,
  weight_decay: 1e-4,
  clip: 0,
  shuffle: true,
  labels: "pixels",
  anomalies: "confetti",
  anomaly_pool: 0,
  width: 512,
  image_score: "mean",
}, { image_size: 64, feature_size: 16, epochs: 40, batch_size: 8, lr: 3e-3, anomaly_pool: 60, width: 16 });

/** Standard deviation of the Gaussian that maps are enlarged with, as a part of the image's side: 12 of 224 pixels. */
const SIGMA = 12 / 224;

/** The paper's, for images of 32×32 pixels with CIFAR; the demo's. */
export const fcddDefaults: Method<FcddSettings>["defaults"] = (about) => {
  const settings = {
    ...byEpochs(about),
    ...(about.data === "cifar" ? { image_size: 32, feature_size: 8 } : {}),
  };
  const { image_size = 224 } = settings, { given } = about;
  return { ...settings, sigma: SIGMA * (given.image_size || given.tiles || image_size) };
};
