/**
 * Synthetic anomalies by the names under which they are asked for.
 *
 * @module
 */
import type { DrawAnomaly } from "./anomaly.ts";
import { confetti } from "./confetti.ts";
import { cutpaste } from "./cutpaste.ts";
import { perlin } from "./perlin.ts";

/** The name of a kind of synthetic anomaly. */
export type AnomalyName = "confetti" | "cutpaste" | "perlin";

/** Every kind there is; `confetti` is the paper's. */
export const ANOMALIES: Record<AnomalyName, DrawAnomaly> = {
  confetti,
  cutpaste,
  perlin: (image, S, random) => perlin(image, S, random),
};
