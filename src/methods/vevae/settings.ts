/**
 * What VEVAE can be told, and its defaults.
 *
 * @module
 */
import { SettingError } from "../../errors.ts";
import { atLeast0, oneOf, type Rules, type Settings, whole } from "../settings.ts";
import { byPreset } from "../training.ts";
import { VARIATIONAL_RULES, type VariationalSettings } from "../vae/settings.ts";

/** Settings of `vevae`. */
export interface VevaeSettings extends VariationalSettings {
  /** Behind which of ResNet's layers the attention is. */
  attention_layer: number;
  /** Whether the attention is of how an image differs from normal ones, or of the image. */
  attention: "difference" | "image";
  /** Weight of L_AD in the loss; 0: none. */
  disentangle: number;
}

/** The rules. */
export const VEVAE_RULES: Rules<VevaeSettings> = {
  ...VARIATIONAL_RULES,
  attention_layer: {
    schema: whole(0, 4),
    value: "N",
    help: "behind which of ResNet's four layers the attention is; 0: before the first",
  },
  attention: {
    schema: oneOf("difference", "image"),
    value: "NAME",
    help: "what the attention is to: how an image differs from the mean of normal ones, or the image",
    scoring: true,
  },
  disentangle: {
    schema: atLeast0,
    value: "X",
    help: "weight of the loss that keeps the attention of two latents apart; 0: none",
  },
};

/** The paper's, and the demo's with images of 64×64. */
export const vevaeDefaults = byPreset<VevaeSettings>({
  image_size: 256,
  epochs: 200,
  batch_size: 16,
  lr: 1e-4,
  weight_decay: 0,
  clip: 0,
  shuffle: true,
  latent: 32,
  width: 64,
  variance: 0.02,
  attention_layer: 1,
  attention: "difference",
  disentangle: 0,
}, { image_size: 64, epochs: 20, lr: 4e-3, latent: 16, width: 8 });

/** @throws {SettingError} where the image can't be halved five times, or there are no two latents to keep apart */
export function checkVevae({ image_size, latent, disentangle }: Settings<VevaeSettings>): void {
  if (image_size % 32 !== 0) {
    throw new SettingError(`Expected {image_size} to be a multiple of 32, but found ${image_size}`);
  }
  if (disentangle > 0 && latent < 2) {
    throw new SettingError(`Expected {latent} to be at least 2 with {disentangle}, but found ${latent}`);
  }
}
