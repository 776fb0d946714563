/**
 * What latent space autoregression can be told: settings of Abati et al. 2019, and the demo's.
 *
 * @module
 */
import { SettingError } from "../../errors.ts";
import { atLeast0, type Rules, type Settings, whole } from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";

/** Settings of latent space autoregression. */
export interface LsaSettings extends LearningSettings {
  /** λ: how much the code's negative log-likelihood counts beside the reconstruction's error. */
  likelihood_weight: number;
  /** Values of the code. */
  latent: number;
  /** Channels of the first layer; others have up to eight times as many. */
  width: number;
}

/** The rules. */
export const LSA_RULES: Rules<LsaSettings> = {
  ...LEARNING_RULES,
  likelihood_weight: {
    schema: atLeast0,
    value: "X",
    help: "how much the code's negative log-likelihood counts in the loss",
  },
  latent: { schema: whole(1, 4096), value: "N", help: "values of the code" },
  width: { schema: whole(1, 1024), value: "N", help: "channels of the first layer" },
};

/** The paper's of CIFAR-10, with images of 32×32 pixels; the demo's. */
export const lsaDefaults = byPreset<LsaSettings>({
  image_size: 32,
  epochs: 200,
  batch_size: 256,
  lr: 1e-3,
  weight_decay: 0,
  clip: 0,
  shuffle: true,
  likelihood_weight: 0.1,
  latent: 64,
  width: 32,
}, { epochs: 20, batch_size: 8, lr: 2e-3, latent: 16, width: 8 });

/** @throws {SettingError} where the image can't be halved */
export function checkLsa({ image_size }: Settings<LsaSettings>): void {
  if (image_size % 8 === 0 && image_size >= 16) return;
  throw new SettingError(
    `Expected {image_size} to be a multiple of 8 of at least 16, but found ${image_size}`,
  );
}
