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
  about: Pick<Circumstances, "preset" | "backbone" | "data">,
  { resnet = "1,2,3", sigma = 0, tuned = {} }: FeatureDefaults = {},
): Partial<CommonSettings> {
  const { family } = BACKBONES[about.backbone as BackboneName];
  return {
    ...(family === "resnet" ? { levels: resnet } : {}),
    sigma,
    ...(isTuned(about) ? { feature_size: 8, sigma: 4, ...tuned } : {}),
  };
}
