/**
 * What Loc-Glo can be told, and the demo's settings.
 *
 * @module
 */
import type { Method } from "../method.ts";
import {
  atLeast0,
  oneOfNumbers,
  type Rules,
  TRAINING_RULES,
  type TrainingSettings,
  whole,
} from "../settings.ts";
import { byPreset } from "../training.ts";
import { type LocGloSizes, PATCHES } from "./net.ts";

/** Settings of Loc-Glo. */
export interface LocGloSettings extends TrainingSettings, Omit<LocGloSizes, "C"> {
  /** Weight of what the head of inconsistent patches says, in scores. */
  w_inconsistency: number;
  /** Weight of what the head of distorted patches says, in scores. */
  w_distortion: number;
}

/** The rules. */
export const LOC_GLO_RULES: Rules<LocGloSettings> = {
  ...TRAINING_RULES,
  patch: {
    schema: oneOfNumbers(...PATCHES),
    value: "P",
    help: `side of a patch, pixels: ${PATCHES.join(", ")}`,
  },
  width: { schema: whole(1, 1024), value: "N", help: "channels of the networks' first layers" },
  code: { schema: whole(1, 4096), value: "D", help: "values that say what a patch is" },
  w_inconsistency: {
    schema: atLeast0,
    value: "X",
    help: "weight in scores of whether a patch belongs where it is",
    scoring: true,
  },
  w_distortion: {
    schema: atLeast0,
    value: "X",
    help: "weight in scores of whether a patch is distorted",
    scoring: true,
  },
};

const byEpochs = byPreset<LocGloSettings>({
  image_size: 256,
  feature_size: 32,
  epochs: 200,
  batch_size: 16,
  lr: 1e-4,
  lr_step: 160,
  weight_decay: 1e-5,
  clip: 0,
  shuffle: true,
  patch: 34,
  width: 64,
  code: 128,
  w_inconsistency: 1,
  w_distortion: 1,
}, {
  image_size: 64,
  feature_size: 16,
  epochs: 24,
  batch_size: 4,
  lr: 3e-3,
  lr_step: 18,
  patch: 18,
  width: 8,
  code: 16,
});

/** The house's, for images of 32×32 pixels with CIFAR; the demo's. */
export const locGloDefaults: Method<LocGloSettings>["defaults"] = (about) => ({
  ...byEpochs(about),
  ...(about.data === "cifar" ? { image_size: 32, feature_size: 8, patch: 18 } : {}),
});
