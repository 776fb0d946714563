/**
 * What GradCon can be told: settings of Kwon et al. 2020, and the demo's.
 *
 * @module
 */
import { SettingError } from "../../errors.ts";
import { atLeast0, type Rules, type Settings, whole } from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";

/** Settings of GradCon. */
export interface GradconSettings extends LearningSettings {
  /** α: how much the gradients' direction counts in the loss. */
  constraint_weight: number;
  /** β: how much it counts in the score. */
  score_weight: number;
  /** Channels of the first two layers; the others have twice as many. */
  width: number;
}

/** The rules. */
export const GRADCON_RULES: Rules<GradconSettings> = {
  ...LEARNING_RULES,
  constraint_weight: {
    schema: atLeast0,
    value: "X",
    help: "how much the direction of gradients counts in the loss, beside the squared error",
  },
  score_weight: {
    schema: atLeast0,
    value: "X",
    help: "how much the direction of gradients counts in the score",
    scoring: true,
  },
  width: { schema: whole(1, 1024), value: "N", help: "channels of the first layer" },
};

/** The paper's, for images of 32×32 pixels; the demo's. */
export const gradconDefaults = byPreset<GradconSettings>({
  image_size: 32,
  epochs: 1000,
  batch_size: 64,
  lr: 1e-3,
  weight_decay: 0,
  clip: 0,
  shuffle: true,
  constraint_weight: 0.03,
  score_weight: 0.12,
  width: 32,
}, { epochs: 30, batch_size: 8, lr: 2e-3, width: 8 });

/** @throws {SettingError} where the image can't be halved four times */
export function checkGradcon({ image_size }: Settings<GradconSettings>): void {
  if (image_size % 16 === 0) return;
  throw new SettingError(`Expected {image_size} to be a multiple of 16, but found ${image_size}`);
}
