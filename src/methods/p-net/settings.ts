/**
 * What P-Net can be told, its settings and the demo's.
 *
 * @module
 */
import { SettingError } from "../../errors.ts";
import { atLeast0, real, type Rules, type Settings, whole } from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";
import type { PnetSizes } from "./net.ts";

/** Settings of P-Net. */
export interface PnetSettings extends LearningSettings, PnetSizes {
  /** Weights of the generator's losses. */
  w_adv: number;
  w_l1: number;
  w_features: number;
  w_structure: number;
  /** λ: share of the structure in a score. */
  lambda: number;
}

/** The rules. */
export const PNET_RULES: Rules<PnetSettings> = {
  ...LEARNING_RULES,
  width: { schema: whole(1, 1024), value: "N", help: "channels of the first layers" },
  w_adv: { schema: atLeast0, value: "X", help: "weight of what the discriminator says" },
  w_l1: { schema: atLeast0, value: "X", help: "weight of the reconstruction" },
  w_features: { schema: atLeast0, value: "X", help: "weight of the discriminator's features" },
  w_structure: { schema: atLeast0, value: "X", help: "weight of the reconstruction's structure" },
  lambda: {
    schema: real("a number from 0 to 1", (x) => x >= 0 && x <= 1),
    value: "X",
    help: "share of the structure in a score",
    scoring: true,
  },
};

/** The paper's sizes; the demo's are smaller. */
export const pnetDefaults = byPreset<PnetSettings>({
  image_size: 224,
  epochs: 800,
  batch_size: 8,
  lr: 1e-3,
  weight_decay: 0,
  clip: 0,
  shuffle: true,
  width: 64,
  w_adv: 0.1,
  w_l1: 1,
  w_features: 1,
  w_structure: 0.5,
  lambda: 0.8,
}, { image_size: 32, epochs: 30, batch_size: 10, lr: 3e-3, width: 8 });

/** @throws {SettingError} where the image can't be halved four times, or the discriminator's maps vanish */
export function checkPnet({ image_size }: Settings<PnetSettings>): void {
  if (image_size % 16 === 0 && image_size >= 32) return;
  throw new SettingError(`Expected {image_size} to be 32, 48, 64 …, but found ${image_size}`);
}
