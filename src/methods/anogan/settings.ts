/**
 * What AnoGAN can be told, its papers' settings and the demo's.
 *
 * @module
 */
import {
  above0,
  atLeast0,
  IMAGE_RULES,
  type ImageRuleSettings,
  real,
  type Rules,
  whole,
  yesOrNo,
} from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";
import type { AnoganSizes } from "./net.ts";

/** Settings of AnoGAN. */
export interface AnoganSettings extends LearningSettings, ImageRuleSettings, Omit<AnoganSizes, "S"> {
  /** Epochs of the generator and the discriminator where the encoder comes after them. */
  gan_epochs: number;
  /** Steps along the gradient of z. */
  iterations: number;
  /** Their learning rate. */
  latent_lr: number;
  /** λ: share of the discriminator's features in a score. */
  lambda: number;
  /** κ: weight of the discriminator's features beside the encoder's images. */
  kappa: number;
}

/** The rules. */
export const ANOGAN_RULES: Rules<AnoganSettings> = {
  ...LEARNING_RULES,
  epochs: {
    ...LEARNING_RULES.epochs,
    help: "passes over the training images; with {encoder}, of the encoder",
  },
  gan_epochs: {
    schema: whole(1),
    value: "N",
    help: "with {encoder}: epochs of the networks that come before it",
  },
  latent: { schema: whole(1, 65536), value: "N", help: "values of z" },
  width: { schema: whole(1, 1024), value: "N", help: "channels of the first layer" },
  encoder: { schema: yesOrNo, value: "", help: "search z by its gradient, without f-AnoGAN's encoder" },
  iterations: {
    schema: whole(1, 100_000),
    value: "N",
    help: "without {encoder}: steps along the gradient of z, for each image",
    scoring: true,
  },
  latent_lr: { schema: above0, value: "X", help: "without {encoder}: learning rate of z", scoring: true },
  lambda: {
    schema: real("a number from 0 to 1", (x) => x >= 0 && x <= 1),
    value: "X",
    help: "without {encoder}: share of the discriminator's features in a score",
    scoring: true,
  },
  kappa: { schema: atLeast0, value: "X", help: "with {encoder}: weight of the discriminator's features" },
  ...IMAGE_RULES,
};

/** The paper's; the demo's has small images and few steps. */
export const anoganDefaults = byPreset<AnoganSettings>({
  image_size: 64,
  epochs: 100,
  gan_epochs: 100,
  batch_size: 64,
  lr: 2e-4,
  weight_decay: 0,
  clip: 0,
  shuffle: true,
  latent: 100,
  width: 64,
  encoder: false,
  iterations: 500,
  latent_lr: 0.01,
  lambda: 0.1,
  kappa: 1,
  image_rule: "paper",
}, {
  image_size: 32,
  epochs: 100,
  gan_epochs: 100,
  batch_size: 20,
  lr: 1e-3,
  latent: 16,
  width: 16,
  iterations: 60,
  latent_lr: 0.1,
});
