/**
 * What the autoencoders can be told: settings of Bergmann et al. 2018 (arXiv 1807.02011), and the demo's.
 *
 * @module
 */
import { SettingError } from "../../errors.ts";
import { type Rules, type Settings, whole } from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";

/** Settings of an autoencoder. */
export interface AutoencoderSettings extends LearningSettings {
  /** Values of the code. */
  latent: number;
  /** Channels of the first layer; others have so many, twice or four times as many. */
  width: number;
}

/** The rules. */
export const AUTOENCODER_RULES: Rules<AutoencoderSettings> = {
  ...LEARNING_RULES,
  latent: { schema: whole(1, 65536), value: "N", help: "values of the code" },
  width: { schema: whole(1, 1024), value: "N", help: "channels of the first layer" },
};

/** The paper's, with images of 128×128 pixels; the demo's of 64×64. */
export const autoencoderDefaults = byPreset<AutoencoderSettings>({
  image_size: 128,
  epochs: 200,
  batch_size: 128,
  lr: 2e-4,
  weight_decay: 1e-5,
  clip: 0,
  shuffle: true,
  latent: 100,
  width: 32,
}, { image_size: 64, epochs: 40, batch_size: 8, lr: 1e-3, latent: 64, width: 16 });

/** @throws {SettingError} where the image can't be halved four times */
export function checkAutoencoder({ image_size }: Settings<AutoencoderSettings>): void {
  if (image_size % 16 === 0) return;
  throw new SettingError(`Expected {image_size} to be a multiple of 16, but found ${image_size}`);
}
