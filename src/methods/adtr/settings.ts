/**
 * ADTR's settings and what they are by preset: the paper's (docs/method.md §5), the demo's, small enough for a software adapter,
 * and what did best on photographs of parts (docs/photographs.md).
 *
 * @module
 */
import { ANOMALIES, type AnomalyName } from "../../data/anomalies/catalogue.ts";
import { type Architecture, ARCHITECTURES } from "../../model/adtr.ts";
import { type BackboneName, BACKBONES } from "../../model/backbones.ts";
import { fitting, isTuned } from "../feature_defaults.ts";
import type { Circumstances } from "../method.ts";
import {
  above0,
  atLeast0,
  type CommonSettings,
  oneOf,
  type PresetName,
  real,
  type Rules,
  TRAINING_RULES,
  type TrainingSettings,
  whole,
} from "../settings.ts";

/** The losses: ADTR's L_norm, and ADTR+'s L_px for labelled pixels and L_img for labelled images. */
const LOSSES = ["norm", "px", "img"] as const;
/** How features are normalised (docs/method.md §9). */
const NORMS = ["none", "position"] as const;
/**
 * Distances of features from their reconstruction: Euclidean (paper), or Mahalanobis by one covariance for all positions or,
 * as PaDiM has it, by mean and covariance of the training residuals at each position.
 */
export const SCORES = ["residual", "residual-mahalanobis", "residual-padim"] as const;

/** What ADTR and ADTR+ can be told. `epochs` are those of the loss: with ADTR+'s, those that come after ADTR's. */
export interface AdtrSettings extends TrainingSettings {
  /** Epochs of ADTR that come first where the loss is one of ADTR+'s and no initial parameters are given. */
  base_epochs: number;
  /** Dropout probability, of attention weights too. */
  dropout: number;
  /** ADTR's, or one of ADTR+'s. */
  loss: typeof LOSSES[number];
  /** Synthetic anomalies for L_px. `confetti` is the paper's. */
  anomalies: AnomalyName;
  /** Anomalous images that are drawn beforehand and used again and again; 0 for new ones in every step. */
  anomaly_pool: number;
  /** α: weight of what keeps anomalies from being reconstructed. */
  alpha: number;
  /** k: L_img looks at that many positions of an image, those with the largest differences. */
  image_k: number;
  /** Distance of features from their reconstruction. */
  score: typeof SCORES[number];
  /** Whether features are centred by position and scaled by channel. */
  feature_norm: typeof NORMS[number];
  /** D: width of the transformer, a multiple of 4 and of `heads`. */
  hidden: number;
  /** A: attention heads. */
  heads: number;
  /** F: width of the feed-forward blocks. */
  ffn: number;
  /** Layers of the encoder, and as many of the decoder. */
  layers: number;
  /** ADTR, or what one of the paper's ablations leaves of it (docs/method.md §3). */
  architecture: Architecture;
}

/** The rules, in the order of `--help`. */
export const ADTR_RULES: Rules<AdtrSettings> = {
  ...TRAINING_RULES,
  epochs: {
    ...TRAINING_RULES.epochs,
    help: "passes over the training images; with {loss} px or img, of ADTR+, after ADTR's",
  },
  base_epochs: {
    schema: whole(0),
    value: "N",
    help: "with {loss} px or img and without {init}: epochs of the ADTR that comes first, 0 for none",
  },
  dropout: {
    schema: real("a number from 0 to below 1", (x) => x >= 0 && x < 1),
    value: "P",
    help: "dropout probability",
  },
  loss: {
    schema: oneOf(...LOSSES),
    value: "NAME",
    help: "norm: ADTR; px, img: ADTR+, which also learns from anomalies labelled by pixel or by image",
  },
  anomalies: {
    schema: oneOf(...Object.keys(ANOMALIES)),
    value: "NAME",
    help: `with {loss} px, synthetic anomalies: ${Object.keys(ANOMALIES).join(", ")}`,
  },
  anomaly_pool: {
    schema: whole(0, 1_000_000),
    value: "N",
    help: "with {loss} px, so many anomalous images, drawn once and used again; 0: new ones in every step",
  },
  alpha: { schema: atLeast0, value: "X", help: "with {loss} px or img, weight of the anomalies" },
  image_k: {
    schema: whole(1, 65536),
    value: "K",
    help: "with {loss} img, positions that count, those with the largest differences",
  },
  score: {
    schema: oneOf(...SCORES),
    value: "NAME",
    help: `distance of the features: ${SCORES.join(", ")}`,
    scoring: true,
  },
  feature_norm: {
    schema: oneOf(...NORMS),
    value: "NAME",
    help: `centre features by position and scale them by channel: ${NORMS.join(", ")}`,
  },
  hidden: {
    schema: whole(4, 65536),
    value: "D",
    help: "width of the transformer, a multiple of 4 and {heads}",
  },
  heads: { schema: whole(1, 1024), value: "A", help: "attention heads" },
  ffn: { schema: whole(1, 65536), value: "F", help: "width of the feed-forward blocks" },
  layers: { schema: whole(1, 100), value: "L", help: "layers of the encoder, and as many of the decoder" },
  architecture: {
    schema: oneOf(...ARCHITECTURES),
    value: "NAME",
    help: `the transformer, or one of the paper's ablations: ${ARCHITECTURES.join(", ")}`,
  },
  lr: { schema: above0, value: "X", help: "learning rate of AdamW" },
};

/** What does not depend on the circumstances. */
type Fixed = Omit<AdtrSettings, "feature_norm">;

/** The paper's settings for MVTec-AD. */
export const PAPER: Fixed = {
  epochs: 500,
  base_epochs: 500,
  batch_size: 16,
  lr: 1e-4,
  weight_decay: 1e-4,
  clip: 0.1,
  lr_step: 400,
  shuffle: true,
  dropout: 0.1,
  loss: "norm",
  anomalies: "confetti",
  anomaly_pool: 0,
  alpha: 0.003,
  image_k: 20,
  score: "residual",
  hidden: 256,
  heads: 8,
  ffn: 1024,
  layers: 4,
  architecture: "adtr",
};

/** Small enough to train in seconds on a software adapter; with 60 training images, 104 steps. */
export const DEMO: Fixed = {
  ...PAPER,
  epochs: 13,
  base_epochs: 13,
  batch_size: 8,
  lr: 2e-3,
  hidden: 64,
  heads: 4,
  ffn: 128,
  layers: 1,
};

const FIXED: Record<PresetName, Fixed> = {
  small: { ...DEMO, epochs: 6, base_epochs: 6 },
  paper: PAPER,
  quick: { ...PAPER, epochs: 50, base_epochs: 50, lr_step: 40 },
  demo: DEMO,
};
/** Epochs of ADTR+, which begins with a trained ADTR (docs/method.md §5). */
const PLUS_EPOCHS: Record<PresetName, number> = { small: 4, paper: 300, quick: 30, demo: 8 };
/** What the paper does otherwise with images of 32×32 pixels. */
const CIFAR_BATCH = 128;

/** On photographs of parts, with the bundled features (docs/photographs.md). */
const TUNED: Partial<AdtrSettings & CommonSettings> = {
  feature_size: 8,
  components: 70,
  feature_norm: "none", // components are centred
  score: "residual-padim",
  sigma: 4,
};
/** On CIFAR's pictures, enlarged. */
const TUNED_CIFAR: Partial<AdtrSettings & CommonSettings> = {
  feature_size: 8,
  levels: "6,7",
  feature_length: "unit",
  score: "residual-mahalanobis",
  image_score: "mean",
};

/** ADTR's defaults. */
export function adtrDefaults(
  { preset, data, backbone, given }: Circumstances<AdtrSettings>,
): AdtrSettings & Partial<CommonSettings> {
  const isPlus = given.loss !== undefined && given.loss !== "norm";
  const isLite = backbone.startsWith("efficientnet_lite");
  return {
    ...FIXED[preset],
    ...(data === "cifar" && preset !== "small" ? { batch_size: CIFAR_BATCH } : {}),
    ...(isPlus ? { epochs: PLUS_EPOCHS[preset] } : {}),
    feature_norm: BACKBONES[backbone as BackboneName].feature_norm,
    ...(isTuned({ preset, backbone, data }) ? fitting(TUNED, { backbone, given }) : {}),
    ...(preset === "small" && data === "cifar" && isLite ? TUNED_CIFAR : {}),
  };
}
