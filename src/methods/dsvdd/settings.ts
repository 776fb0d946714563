/**
 * What Deep SVDD can be told: settings of Ruff et al. 2018, and the demo's.
 *
 * @module
 */
import { SettingError } from "../../errors.ts";
import type { Method } from "../method.ts";
import { oneOf, real, type Rules, type Settings, TRAINING_RULES, whole } from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";

/** What is trained for. */
export const OBJECTIVES = ["one-class", "soft-boundary", "reconstruction"] as const;
/** One of them. */
export type Objective = typeof OBJECTIVES[number];

/** Settings of Deep SVDD. */
export interface DsvddSettings extends LearningSettings {
  /** What is trained for. */
  objective: Objective;
  /** The share of the training images that may lie beyond the soft boundary. */
  nu: number;
  /** Epochs after which the soft boundary's radius is solved for, again and again. */
  radius_epochs: number;
  /** Passes over the training images as an autoencoder before; 0 for none. */
  ae_epochs: number;
  /** Epochs after which the learning rate is multiplied by 0.1, once. */
  lr_step: number;
  /** Values that an image is mapped to. */
  latent: number;
  /** Channels of the first convolution; others have two or four times as many. */
  width: number;
}

/** The rules. */
export const DSVDD_RULES: Rules<DsvddSettings> = {
  ...LEARNING_RULES,
  lr_step: TRAINING_RULES.lr_step,
  objective: {
    schema: oneOf(...OBJECTIVES),
    value: "NAME",
    help: `what is trained for: ${OBJECTIVES.join(", ")} (the autoencoder alone, whose error is the score)`,
  },
  nu: {
    schema: real("a number above 0 and up to 1", (x) => x > 0 && x <= 1),
    value: "X",
    help: "share of the training images that may lie beyond {objective} soft-boundary",
  },
  radius_epochs: {
    schema: whole(1),
    value: "N",
    help: "epochs after which the radius of {objective} soft-boundary is solved for",
  },
  ae_epochs: { schema: whole(0), value: "N", help: "epochs as an autoencoder before the others; 0: none" },
  latent: { schema: whole(1, 65536), value: "N", help: "values that an image is mapped to" },
  width: { schema: whole(1, 1024), value: "N", help: "channels of the first layer" },
};

const CIFAR = { image_size: 32 };
const QUICK = { ae_epochs: 35, lr_step: 5 };
const byEpochs = byPreset<DsvddSettings>({
  image_size: 64,
  epochs: 150,
  ae_epochs: 350,
  batch_size: 200,
  lr: 1e-4,
  lr_step: 50,
  weight_decay: 5e-7,
  clip: 0,
  shuffle: true,
  objective: "one-class",
  nu: 0.1,
  radius_epochs: 5,
  latent: 128,
  width: 32,
}, {
  image_size: 32,
  epochs: 20,
  ae_epochs: 20,
  batch_size: 8,
  lr: 1e-3,
  lr_step: 14,
  radius_epochs: 2,
  latent: 64,
  width: 16,
});

/** The paper's, for images of 32×32 pixels with CIFAR; the demo's. */
export const dsvddDefaults: Method<DsvddSettings>["defaults"] = (about) => ({
  ...byEpochs(about),
  ...(about.preset === "quick" ? QUICK : {}),
  ...(about.data === "cifar" ? CIFAR : {}),
});

/** The share of the autoencoder's epochs behind which its learning rate falls: 250 of the paper's 350. */
const AE_STEP = 5 / 7;

/** The settings of the autoencoder that comes before. */
export function pretraining({ ae_epochs }: DsvddSettings): Partial<DsvddSettings> {
  const lr_step = Math.max(1, Math.round(AE_STEP * ae_epochs));
  return { objective: "reconstruction", epochs: ae_epochs, lr_step, ae_epochs: 0 };
}

/** @throws {SettingError} where the image can't be halved to 4×4, or its code not be laid out on that */
export function checkDsvdd({ image_size, latent }: Settings<DsvddSettings>): void {
  if (image_size < 8 || !Number.isInteger(Math.log2(image_size))) {
    throw new SettingError(
      `Expected {image_size} to be a power of two of at least 8, but found ${image_size}`,
    );
  }
  if (latent % 16 !== 0) {
    throw new SettingError(`Expected {latent} to be a multiple of 16, but found ${latent}`);
  }
}
