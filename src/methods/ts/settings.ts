/**
 * What the students can be told: settings of Bergmann et al. 2020 (arXiv 1911.02357), and the demo's.
 *
 * @module
 */
import type { Method } from "../method.ts";
import { real, type Rules, whole } from "../settings.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";
import { RECEPTIVE_FIELDS } from "./net.ts";

/** Settings of the students. */
export interface StudentSettings extends LearningSettings {
  /** M: students. */
  students: number;
  /** p: pixels a side that a student sees of the image for a position. */
  receptive_field: number;
  /** Channels of a student's first layer; others have as many or twice as many. */
  width: number;
}

/** The rules. */
export const STUDENT_RULES: Rules<StudentSettings> = {
  ...LEARNING_RULES,
  students: { schema: whole(1, 64), value: "M", help: "students of the backbone" },
  receptive_field: {
    schema: real(RECEPTIVE_FIELDS.join(", "), (p) => RECEPTIVE_FIELDS.includes(p)),
    value: "P",
    help: `side of what a student sees of the image for a position, pixels: ${RECEPTIVE_FIELDS.join(", ")}`,
  },
  width: { schema: whole(1, 1024), value: "N", help: "channels of a student's first layer" },
};

const byEpochs = byPreset<StudentSettings>({
  image_size: 256,
  feature_size: 32,
  epochs: 100,
  batch_size: 1,
  lr: 1e-4,
  weight_decay: 1e-5,
  clip: 0,
  shuffle: true,
  students: 3,
  receptive_field: 65,
  width: 128,
}, { image_size: 64, feature_size: 16, epochs: 5, batch_size: 4, lr: 1e-2, receptive_field: 33, width: 8 });

/** The paper's, for images of 32×32 pixels with CIFAR; the demo's. */
export const studentDefaults: Method<StudentSettings>["defaults"] = (about) => ({
  ...byEpochs(about),
  ...(about.data === "cifar" ? { image_size: 32, feature_size: 8, receptive_field: 17 } : {}),
});
