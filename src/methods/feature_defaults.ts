/**
 * Which features methods take unless told otherwise: what their papers take of a ResNet, and of the bundled
 * EfficientNet-Lite what did best on photographs of parts (docs/photographs.md has the tables).
 *
 * @module
 */
import { type BackboneName, BACKBONES } from "../model/backbones.ts";
import type { Circumstances } from "./method.ts";
import type { CommonSettings } from "./settings.ts";

/** Whether the settings in effect are those that were chosen on photographs, with the features they were chosen for. */
export function isTuned(
  { preset, backbone, data }: Pick<Circumstances, "preset" | "backbone" | "data">,
): boolean {
  return preset === "small" && data === "folder" && backbone.startsWith("efficientnet_lite");
}

/** Common settings of a method beside ADTR. */
export interface FeatureDefaults {
  /** Of a ResNet its paper's levels; all methods' papers leave out the last. */
  readonly resnet?: string;
  /** Smoothing in its paper; by default none. */
  readonly sigma?: number;
  /** What did best on photographs, beside levels 3, 5 and 6 of 128×128 pixels, every channel scaled, and smoothing. */
  readonly tuned?: Partial<CommonSettings>;
}

/** The common settings that a method wants in these circumstances. */
export function featureDefaults(
  about: Omit<Circumstances, "given"> & { readonly given: Partial<CommonSettings> },
  { resnet = "1,2,3", sigma = 0, tuned = {} }: FeatureDefaults = {},
): Partial<CommonSettings> {
  const { family } = BACKBONES[about.backbone as BackboneName];
  return {
    ...(family === "resnet" ? { levels: resnet } : {}),
    sigma,
    ...(isTuned(about) ? { feature_size: 8, sigma: 4, ...fitting(tuned, about) } : {}),
  };
}

/** The same with no more components than the levels that were asked for have channels. */
export function fitting<T extends Partial<CommonSettings>>(
  tuned: T,
  { backbone, given: { levels } }: Pick<Circumstances, "backbone"> & { given: Partial<CommonSettings> },
): T {
  const description = BACKBONES[backbone as BackboneName];
  if (!tuned.components || description.family !== "efficientnet" || levels === undefined) return tuned;
  const { taps, stages } = description;
  const chosen = levels === "all" ? taps : levels.split(",").map((level) => taps[Number(level) - 1]);
  const channels = chosen.reduce((sum, tap) => sum + (stages[tap]?.out ?? 0), 0); // 0 of one that will be refused
  return { ...tuned, components: Math.min(tuned.components, channels) };
}
