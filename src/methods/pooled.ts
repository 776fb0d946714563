/**
 * The levels that describe a whole image, as settings name them.
 *
 * @module
 */
import type { Value } from "./settings.ts";

/** From 1 on; undefined for the backbone's last, and for methods that look at positions only. */
export function pooledLevels(settings: { pooled_levels?: Value }): number[] | undefined {
  const { pooled_levels = "last" } = settings;
  return pooled_levels === "last" ? undefined : String(pooled_levels).split(",").map(Number);
}
