/**
 * The methods by name.
 *
 * @module
 */
import { kde } from "./kde/method.ts";
import { knn } from "./knn/method.ts";
import { mahalanobis } from "./mahalanobis/method.ts";
import type { Method, MethodName } from "./method.ts";
import { padim } from "./padim/method.ts";
import { patchcore } from "./patchcore/method.ts";
import { spade } from "./spade/method.ts";

/** Every method that is not ADTR. */
export const methods: Readonly<Record<MethodName, Method>> = {
  spade,
  patchcore,
  padim,
  mahalanobis,
  knn,
  kde,
};
