/**
 * From what is given to all settings in effect: what is given over a method's defaults over those of the preset.
 *
 * @module
 */
import * as v from "npm:valibot@^1.5.0";
import { SettingError, shortened, UsageError } from "../errors.ts";
import { type BackboneName, BACKBONES } from "../model/backbones.ts";
import type { FrameSettings } from "../data/frame.ts";
import { NO_ROI } from "../data/roi.ts";
import { didYouMean } from "../nearest.ts";
import type { DataKind } from "./method.ts";
import { METHOD_NAMES, methodNamed, methods } from "./registry.ts";
import {
  commonRules,
  type CommonSettings,
  type PresetName,
  PRESETS,
  type Rule,
  type Rules,
  type Settings,
  type Value,
} from "./settings.ts";
import { POOL } from "./maps.ts";

/** What settings depend on beside those that are given. */
export interface Given {
  /** The preset. */
  readonly preset: PresetName;
  /** Where images come from. */
  readonly data: DataKind;
  /** Whether there is a weight file, which decides what the backbone is by default. */
  readonly weights: boolean;
}

const COMMON = commonRules(METHOD_NAMES);

/** The rules of all settings that a method has, in the order in which they are listed. */
export function rulesOf(method: string): Rules<Settings> {
  return { ...COMMON, ...methodNamed(method).settings };
}

/** Every setting of any method, and the methods that have it; none for those of all. */
export const SETTINGS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...Object.keys(COMMON).map((name) => [name, []] as const),
  ...methods.flatMap(({ settings }) => Object.keys(settings))
    .map((name) =>
      [name, methods.filter(({ settings }) => name in settings).map(({ name }) => name)] as const
    ),
]);

/**
 * Checks values against a method's rules.
 *
 * @throws {SettingError} where one is something else than expected, or a setting of other methods
 * @throws {UsageError} for a name that no method knows
 */
export function checkSettings(method: string, given: Readonly<Record<string, unknown>>): void {
  const rules = rulesOf(method) as Record<string, Rule>;
  for (const [name, value] of Object.entries(given)) {
    if (Object.hasOwn(rules, name)) {
      const result = v.safeParse(rules[name].schema, value, { abortEarly: true, abortPipeEarly: true });
      if (result.success) continue;
      const found = JSON.stringify(value) ?? typeof value;
      throw new SettingError(
        `Expected {${name}} to be ${result.issues[0].message}, but found ${shortened(found)}`,
      );
    }
    const others = SETTINGS.get(name);
    if (others === undefined) {
      const hint = didYouMean(name, [...SETTINGS.keys()]);
      throw new UsageError(`Expected the name of a setting, but found "${shortened(name)}"${hint}`);
    }
    throw new SettingError(
      `Expected {${name}} ${shortened(value)} with {method} ${others.join(" or ")} only, but found ${method}`,
    );
  }
}

/**
 * Every setting in effect.
 *
 * @throws {SettingError} where one is not allowed, or they don't fit together
 */
export function resolveSettings(given: Partial<Settings>, { preset, data, weights }: Given): Settings {
  const name = given.method ?? METHOD_NAMES[0];
  checkSettings(METHOD_NAMES.includes(name) ? name : METHOD_NAMES[0], given);
  const method = methodNamed(name), backbone = given.backbone ?? backboneFor(data, weights);
  const defaults = {
    ...common(preset, data),
    ...deciding(preset, "epochs" in method.settings),
    method: name,
    backbone,
    levels: BACKBONES[backbone as BackboneName].levels,
    ...method.defaults({ preset, data, backbone, given }),
    ...tiling(given),
  };
  checkSettings(name, defaults);
  const settings: Settings = { ...defaults, ...given as Record<string, Value> };
  checkTogether(settings);
  method.check?.(settings);
  return settings;
}

/** A preset by its name. @throws {SettingError} where there is none */
export function presetNamed(name: string): PresetName {
  if ((PRESETS as readonly string[]).includes(name)) return name as PresetName;
  throw new SettingError(
    `Expected {preset} to be one of ${PRESETS.join(", ")}, but found ${JSON.stringify(name)}`,
  );
}

/** The backbone where none is named: what a weight file is most likely of, for the demo what has no weights, else what is bundled. */
function backboneFor(data: DataKind, weights: boolean): BackboneName {
  return weights ? "efficientnet_b4" : data === "demo" ? "gabor" : "efficientnet_lite0";
}

/** Common settings but for what only a method knows. */
function common(
  preset: PresetName,
  data: DataKind,
): Omit<CommonSettings, "method" | "backbone" | "levels" | keyof ReturnType<typeof deciding>> {
  return {
    precision: "f32",
    image_size: preset === "demo" || preset === "small" ? 128 : 256,
    feature_size: 16,
    ...WHOLE_IMAGES,
    feature_length: "own",
    components: 0,
    seed: 0,
    image_score: "max",
    sigma: 0,
    // What the paper does otherwise with images of 32×32 pixels.
    ...(data === "cifar" && preset !== "small"
      ? { image_size: 32, feature_size: 8, image_score: "mean" }
      : {}),
  };
}

/** Images are looked at whole. */
export const WHOLE_IMAGES: Pick<CommonSettings, keyof FrameSettings> = {
  fit: "stretch",
  roi: NO_ROI,
  tiles: 0,
  overlap: 0,
};

/** What follows from tiles: they are looked at pixel by pixel. @throws {SettingError} where they are too large for that */
function tiling(
  { tiles, image_size }: Partial<Settings>,
): Partial<Pick<CommonSettings, "image_size" | "overlap">> {
  if (!tiles) return {};
  const { success, issues } = v.safeParse(COMMON.image_size.schema, tiles), overlap = Math.floor(tiles / 4);
  if (success) return { image_size: tiles, overlap };
  if (image_size !== undefined) return { overlap };
  throw new SettingError(
    `Expected {tiles} to be ${
      issues[0].message
    } without {image_size}, which is the same then, but found ${tiles}`,
  );
}

/**
 * How thresholds are found. Five parts, of which four are learned from: with two or three, scores of held-out images are too
 * high, as half or a third of the images was missed (docs/photographs.md); the demo has no time for more than two.
 */
function deciding(
  preset: PresetName,
  trained: boolean,
): Pick<CommonSettings, "threshold" | "pixel_threshold" | "folds"> {
  const folds = trained && preset === "demo" ? 2 : 5;
  return { threshold: "quantile:0.95", pixel_threshold: "quantile:0.95", folds };
}

/** Common settings that say what is made of features, and what leaves them alone: there is no other with pixels. */
export const OF_FEATURES: Partial<CommonSettings> = {
  components: 0,
  feature_length: "own",
  precision: "f32",
};

/** What settings have their method look at, in a word: the backbone's name, or pixels. */
export function inputOf({ method, backbone }: Pick<CommonSettings, "method" | "backbone">): string {
  return methodNamed(method).input === "pixels" ? "pixels" : backbone;
}

/** @throws {SettingError} where common settings don't fit together */
export function checkTogether(settings: Settings): void {
  const { method, image_size, feature_size, image_score, fit, tiles, overlap } = settings;
  for (const [name, none] of Object.entries(OF_FEATURES)) {
    if (settings[name] === none || methodNamed(method).input !== "pixels") continue;
    throw new SettingError(
      `Expected no {${name}} with {method} ${method}, which looks at pixels, but found ${settings[name]}`,
    );
  }
  if (tiles > 0 && fit !== "stretch") {
    throw new SettingError(`Expected no {fit} with {tiles}, which are squares as they are, but found ${fit}`);
  }
  if (overlap > tiles / 2) {
    throw new SettingError(
      tiles === 0
        ? `Expected {overlap} with {tiles} only, but found ${overlap}`
        : `Expected {overlap} to be at most half of {tiles} ${tiles}, but found ${overlap}`,
    );
  }
  if (feature_size > image_size) {
    throw new SettingError(
      `Expected {feature_size} to be at most {image_size} ${image_size}, but found ${feature_size}`,
    );
  }
  if (image_score === "max" && image_size < POOL) {
    throw new SettingError(
      `Expected {image_size} to be at least ${POOL}, which {image_score} max averages over, but found ${image_size}.\n` +
        "{image_score} mean has no such limit.",
    );
  }
}
