/**
 * Everything about a run that a user can set, under the names of config.json: the command line's options with `_`
 * for `-`. Defaults are the paper's (docs/method.md §5); the demo's are small enough for a software adapter.
 *
 * @module
 */
import type { AnomalyName } from "../data/anomalies/catalogue.ts";
import { defaultSigma, METHOD_NAMES } from "../methods/method.ts";
import type { Architecture } from "../model/adtr.ts";
import { BACKBONE_NAMES, type BackboneName, BACKBONES as DESCRIPTIONS } from "../model/backbones.ts";

/** The names of the frozen feature extractors. */
export const BACKBONES: readonly BackboneName[] = BACKBONE_NAMES;

/** The names of the losses. */
export const LOSSES = ["norm", "px", "img"] as const;

/** The names of the methods: ADTR and those beside it. */
export const METHODS = ["adtr", ...METHOD_NAMES] as const;

/** The settings in effect. */
export interface Settings {
  /** What learns from features: ADTR, or a method beside it (docs/method.md §10), to which what trains ADTR is nothing. */
  method: typeof METHODS[number];
  /** Frozen feature extractor. Some are built in or bundled, the others need a weight file. */
  backbone: BackboneName;
  /** Which levels of the backbone make the features: `all`, or some as `2,3`. */
  levels: string;
  /** S: images are resized to S×S pixels. */
  image_size: number;
  /** H = W: side of the feature map, N = H·W tokens. */
  feature_size: number;
  /** Passes over the training images: with the losses of ADTR+, those that come after the ones of ADTR. */
  epochs: number;
  /** Epochs of ADTR that come first where the loss is one of ADTR+'s and no initial parameters are given. */
  base_epochs: number;
  /** B: images an optimizer step. */
  batch_size: number;
  /** AdamW's learning rate. */
  lr: number;
  /** AdamW's decoupled weight decay. */
  weight_decay: number;
  /** Gradients are scaled down to this L2 norm; 0 leaves them alone. */
  clip: number;
  /** Epochs after which the learning rate is multiplied by 0.1, once. */
  lr_step: number;
  /** Dropout probability, of attention weights too. */
  dropout: number;
  /** Fixes initialisation, order, dropout and synthetic anomalies. */
  seed: number;
  /** Whether training images are taken in a new random order each epoch. */
  shuffle: boolean;
  /** The loss: ADTR's L_norm (Eq. 1 of the paper), or ADTR+'s L_px for labelled pixels or L_img for labelled images. */
  loss: typeof LOSSES[number];
  /** Synthetic anomalies for L_px. `confetti` is the paper's. */
  anomalies: AnomalyName;
  /** Anomalous images that are drawn beforehand and used again and again; 0 for new ones in every step. */
  anomaly_pool: number;
  /** α: weight of what keeps anomalies from being reconstructed. */
  alpha: number;
  /** k: L_img looks at that many positions of an image, those with the largest differences. */
  image_k: number;
  /** Distance of features from their reconstruction: Euclidean (paper) or Mahalanobis. */
  score: "residual" | "residual-mahalanobis";
  /** How a map becomes an image's score: maximum after 16×16 average pooling, or mean. */
  image_score: "max" | "mean";
  /** Whether features are centred by position and scaled by channel (docs/method.md §9). */
  feature_norm: "none" | "position";
  /** D: width of the transformer, a multiple of 4 and of `heads`. */
  hidden: number;
  /** A: attention heads. */
  heads: number;
  /** F: width of the feed-forward blocks. */
  ffn: number;
  /** Layers of the encoder, and as many of the decoder. */
  layers: number;
  /** `patchcore`: share of the training patches that is kept. */
  coreset: number;
  /** `spade`: the number of nearest training images that an image is held against. */
  neighbours: number;
  /** `padim`: channels that its Gaussians are over; 0 for as many as docs/method.md §10 says. */
  padim_channels: number;
  /** Methods but ADTR: standard deviation of the Gaussian that maps are smoothed with, pixels; 0 for none. */
  sigma: number;
  /** ADTR, or what one of the paper's ablations leaves of it (docs/method.md §3). */
  architecture: Architecture;
}

/** The paper's settings for MVTec-AD, but for what depends on the backbone (`backboneDefaults`). */
export const PAPER: Omit<Settings, "backbone" | "feature_norm" | "levels" | "sigma"> = {
  method: "adtr",
  image_size: 256,
  feature_size: 16,
  epochs: 500,
  base_epochs: 500,
  batch_size: 16,
  lr: 1e-4,
  weight_decay: 1e-4,
  clip: 0.1,
  lr_step: 400,
  dropout: 0.1,
  seed: 0,
  shuffle: true,
  loss: "norm",
  anomalies: "confetti",
  anomaly_pool: 0,
  alpha: 0.003,
  image_k: 20,
  score: "residual",
  image_score: "max",
  hidden: 256,
  heads: 8,
  ffn: 1024,
  layers: 4,
  coreset: 0.1,
  neighbours: 50,
  padim_channels: 0,
  architecture: "adtr",
};

/** Small enough to train in seconds on a software adapter; with 60 training images, 104 steps. */
export const DEMO: typeof PAPER = {
  ...PAPER,
  image_size: 128,
  epochs: 13,
  base_epochs: 13,
  batch_size: 8,
  lr: 2e-3,
  hidden: 64,
  heads: 4,
  ffn: 128,
  layers: 1,
};

/** The paper's settings with a tenth of its epochs, to see within a short time what comes of a data set. */
export const QUICK: typeof PAPER = { ...PAPER, epochs: 50, base_epochs: 50, lr_step: 40 };

/** The name of a preset. */
export type PresetName = "paper" | "quick" | "demo";

/** The presets by name. */
export const PRESETS: Record<PresetName, typeof PAPER> = { paper: PAPER, quick: QUICK, demo: DEMO };

/** Epochs of ADTR+, which begins with a trained ADTR (docs/method.md §5). */
const PLUS_EPOCHS = { paper: 300, quick: 30, demo: 8 };
/** What the paper does otherwise with images of 32×32 pixels. */
const CIFAR = { image_size: 32, feature_size: 8, batch_size: 128, image_score: "mean" } as const;

/**
 * What a preset sets for a loss and a data set.
 *
 * @param isCifar whether that is CIFAR
 */
export function presetSettings(
  name: PresetName,
  loss: Settings["loss"],
  isCifar: boolean,
): typeof PAPER {
  const preset = { ...PRESETS[name], ...(isCifar ? CIFAR : {}), loss };
  return loss === "norm" ? preset : { ...preset, epochs: PLUS_EPOCHS[name] };
}

/**
 * What depends on other settings: `gabor` without a weight file, feature normalisation (docs/method.md §9), and the levels
 * and smoothing that a method's paper takes (§10).
 */
export function backboneDefaults(
  backbone: Settings["backbone"] | undefined,
  weights: string | undefined,
  method: Settings["method"] = "adtr",
): Pick<Settings, "backbone" | "feature_norm" | "levels" | "sigma"> {
  const name = backbone ?? (weights === undefined ? "gabor" : "efficientnet_b4");
  return {
    backbone: name,
    feature_norm: DESCRIPTIONS[name].feature_norm,
    levels: levelsOf(name, method),
    sigma: method === "adtr" ? 0 : defaultSigma(method),
  };
}

/** ADTR takes all; the other methods' papers leave out the last of a ResNet's, PatchCore the first one too. */
function levelsOf(backbone: Settings["backbone"], method: Settings["method"]): string {
  if (method === "adtr" || !backbone.includes("resnet")) return DESCRIPTIONS[backbone].levels;
  return method === "patchcore" ? "2,3" : "1,2,3";
}
