/**
 * What KDAD can be told: settings of Salehi et al. 2021 (arXiv 2011.11108), and the demo's.
 *
 * @module
 */
import type { BackboneName } from "../../model/backbones.ts";
import { BACKBONES } from "../../model/backbones.ts";
import type { Method } from "../method.ts";
import {
  atLeast0,
  IMAGE_RULES,
  type ImageRuleSettings,
  oneOf,
  type Rules,
  TRAINING_RULES,
  type TrainingSettings,
  whole,
} from "../settings.ts";
import { byPreset } from "../training.ts";

/** How positions are scored. */
const LOCALISATIONS = ["gradient", "discrepancy"] as const;

/** Settings of KDAD. */
export interface KdadSettings extends TrainingSettings, ImageRuleSettings {
  /** λ: weight of the squared error beside the cosine distance. */
  lambda: number;
  /** How positions are scored: by the gradient of the image's loss, or by their share of it. */
  localisation: typeof LOCALISATIONS[number];
  /** Channels of the cloner's convolutions that learn no level. */
  width: number;
}

/** The rules. */
export const KDAD_RULES: Rules<KdadSettings> = {
  ...TRAINING_RULES,
  lambda: { schema: atLeast0, value: "X", help: "weight of the squared error beside the cosine distance" },
  localisation: {
    schema: oneOf(...LOCALISATIONS),
    value: "NAME",
    help: "a map: how large the loss's gradient is at each pixel, or what each position adds to the loss: " +
      "gradient, discrepancy",
    scoring: true,
  },
  width: {
    schema: whole(1, 1024),
    value: "N",
    help: "channels of the convolutions that don't say a level of the backbone",
  },
  ...IMAGE_RULES,
};

const byEpochs = byPreset<KdadSettings>({
  image_size: 128,
  epochs: 601,
  batch_size: 64,
  lr: 1e-3,
  lr_step: 601,
  weight_decay: 0,
  clip: 0,
  shuffle: true,
  lambda: 0.5,
  localisation: "gradient",
  width: 16,
  image_rule: "paper",
  sigma: 4,
}, {
  image_size: 64,
  feature_size: 8,
  epochs: 18,
  batch_size: 8,
  lr: 5e-3,
  lr_step: 13, // a smaller rate, which running statistics keep up with
  localisation: "discrepancy",
  width: 8,
  sigma: 0,
});

/** The paper's; of VGG the levels that it takes, and for images of 32×32 pixels fewer epochs with another weight. */
export const kdadDefaults: Method<KdadSettings>["defaults"] = (about) => ({
  ...byEpochs(about),
  ...(BACKBONES[about.backbone as BackboneName].family === "vgg" ? { levels: "2,3,4,5" } : {}),
  ...(about.data === "cifar"
    ? { image_size: 32, epochs: about.preset === "quick" ? 21 : 201, lambda: 0.01 }
    : {}),
});
