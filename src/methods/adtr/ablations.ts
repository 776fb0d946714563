/**
 * The paper's ablations: variants of ADTR by what differs.
 *
 * @module
 */
import type { Settings } from "../settings.ts";
import type { AdtrSettings } from "./settings.ts";

/**
 * Those that can be had with the settings' backbone.
 *
 * @param levels how many levels the backbone has; null where it has none to choose from
 */
export function ablations(
  { feature_size }: Settings<AdtrSettings>,
  levels: number | null,
): Record<string, Partial<Settings<AdtrSettings>>> {
  return {
    "full": {},
    "no-query": { architecture: "no-query" },
    "no-attention": { architecture: "no-attention" },
    "conv": { architecture: "conv" },
    ...(levels === null ? {} : { "last-layer": { levels: String(levels) } }),
    "pixels": { backbone: "pixels", feature_norm: "none", levels: "all" },
    ...(feature_size === 32 ? { "16x16": { feature_size: 16 } } : { "32x32": { feature_size: 32 } }),
  };
}
