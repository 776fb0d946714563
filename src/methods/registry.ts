/**
 * The methods by name.
 *
 * @module
 */
import { kde } from "./kde.ts";
import { knn } from "./knn.ts";
import { mahalanobis } from "./mahalanobis.ts";
import type { Method, MethodName } from "./method.ts";
import { padim } from "./padim.ts";
import { patchcore } from "./patchcore.ts";
import { spade } from "./spade.ts";

/** Every method that is not ADTR. */
export const methods: Readonly<Record<MethodName, Method>> = {
  spade,
  patchcore,
  padim,
  mahalanobis,
  knn,
  kde,
};
