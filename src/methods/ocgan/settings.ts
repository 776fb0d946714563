/**
 * What OCGAN can be told, its paper's settings and the demo's.
 *
 * @module
 */
import { SettingError } from "../../errors.ts";
import { above0, atLeast0, type Rules, type Settings, whole } from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";
import type { OcganSizes } from "./net.ts";

/** Settings of OCGAN. */
export interface OcganSettings extends LearningSettings, Omit<OcganSizes, "S"> {
  /** σ: deviation of the noise that is added to images in 0..1. */
  noise: number;
  /** λ: weight of the reconstruction. */
  w_mse: number;
  /** Steps of informative-negative mining. */
  mining_steps: number;
  /** How far they go, of the gradient. */
  mining_rate: number;
}

/** The rules. */
export const OCGAN_RULES: Rules<OcganSettings> = {
  ...LEARNING_RULES,
  latent: { schema: whole(1, 65536), value: "N", help: "values of the code" },
  width: {
    schema: whole(1, 1024),
    value: "N",
    help: "channels of the autoencoder's and the classifier's first layer",
  },
  visual_width: {
    schema: whole(1, 1024),
    value: "N",
    help: "channels of the first layer of the images' discriminator",
  },
  noise: { schema: atLeast0, value: "X", help: "deviation of the noise added to images in 0..1" },
  w_mse: { schema: atLeast0, value: "X", help: "weight of the reconstruction" },
  mining_steps: {
    schema: whole(0, 1000),
    value: "N",
    help: "steps of random codes to where the classifier finds images bad; 0: none",
  },
  mining_rate: { schema: above0, value: "X", help: "length of these steps, times the gradient" },
};

/** The paper's; the demo's is smaller. */
export const ocganDefaults = byPreset<OcganSettings>({
  image_size: 32,
  epochs: 200,
  batch_size: 64,
  lr: 2e-4,
  weight_decay: 0,
  clip: 0,
  shuffle: true,
  latent: 128,
  width: 64,
  visual_width: 12,
  noise: 0.2,
  w_mse: 10,
  mining_steps: 5,
  mining_rate: 0.1,
}, { epochs: 60, batch_size: 15, lr: 3e-3, latent: 32, width: 8, visual_width: 6, mining_steps: 2 });

/** @throws {SettingError} where the image can't be halved three times */
export function checkOcgan({ image_size }: Settings<OcganSettings>): void {
  if (image_size % 8 === 0) return;
  throw new SettingError(`Expected {image_size} to be a multiple of 8, but found ${image_size}`);
}
