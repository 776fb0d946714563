/**
 * Synthetic anomalies by the names under which they are asked for.
 *
 * @module
 */
import type { DrawAnomaly } from "./anomaly.ts";
import { confetti } from "./confetti.ts";
import { cutpaste } from "./cutpaste.ts";
import { perlin } from "./perlin.ts";

/** Every kind there is; `confetti` is the paper's. */
export const ANOMALIES: { confetti: DrawAnomaly; cutpaste: DrawAnomaly; perlin: DrawAnomaly } = {
  confetti,
  cutpaste,
  perlin: (image, S, random) => perlin(image, S, random),
};

/** A name in {@linkcode ANOMALIES}. */
export type AnomalyName = keyof typeof ANOMALIES;
