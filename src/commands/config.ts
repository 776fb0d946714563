/**
 * The settings of a run: options over config file over preset over defaults. A config file is JSON under the names of
 * config.json, so that the one of an earlier run can be used as it is.
 *
 * @module
 */
import { isCifar } from "../host/cifar_images.ts";
import { InputError, UsageError } from "../errors.ts";
import { readWhole } from "../host/files.ts";
import { isBuiltIn } from "../train/backbone.ts";
import {
  backboneDefaults,
  type PresetName,
  PRESETS,
  presetSettings,
  type Settings,
} from "../train/settings.ts";
import { didYouMean } from "../nearest.ts";
import { checkSetting, SETTING_NAMES, type SettingName } from "./setting_rules.ts";

/** What a config file may hold besides settings. */
const PLACES = ["data", "category", "anomalous", "outliers", "weights", "init", "out", "preset"] as const;
/** What config.json says of the machine and the files: of no effect when it is read. */
const NOTES = "environment";

/** What a config file sets. */
export interface Config {
  settings: Partial<Settings>;
  /** Options that say where things lie, as on the command line. */
  places: Partial<Record<typeof PLACES[number], string>>;
}

/**
 * Reads a config file; null stands for a key that isn't there.
 *
 * @throws {InputError} where it can't be read or is no JSON object
 * @throws {UsageError} for an unknown key or a value that the option of that name would refuse
 */
export async function readConfig(path: string): Promise<Config> {
  const config: Config = { settings: {}, places: {} };
  for (const [key, value] of Object.entries(await readObject(path))) {
    if (value === null || key === NOTES) continue;
    const label = `${key} in ${path}`;
    if (SETTING_NAMES.includes(key as SettingName)) {
      Object.assign(config.settings, { [key]: checkSetting(key as SettingName, value, label) });
    } else if (!PLACES.includes(key as typeof PLACES[number])) {
      const hint = didYouMean(key, [...SETTING_NAMES, ...PLACES]);
      throw new UsageError(`Expected the name of a setting in ${path}, but found "${key}"${hint}`);
    } else if (typeof value !== "string") {
      throw new UsageError(`Expected ${label} to be a text, but found ${JSON.stringify(value)}`);
    } else {
      config.places[key as typeof PLACES[number]] = value;
    }
  }
  return config;
}

async function readObject(path: string): Promise<object> {
  const text = new TextDecoder().decode(await readWhole(path));
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new InputError(`Expected JSON in ${path}, but found ${(error as Error).message}`);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new InputError(`Expected a JSON object in ${path}, but found ${text.slice(0, 40)}`);
  }
  return content;
}

/**
 * Every setting in effect.
 *
 * @param given settings from most to least important: options, config file
 * @param preset fills what is not given
 * @param weights the weight file, which decides what the backbone is by default
 * @param data the data set, which decides what the preset sets
 * @throws {UsageError} where settings don't fit together
 */
export function resolveSettings(
  given: Partial<Settings>[],
  preset: string,
  weights: string | undefined,
  data?: string,
): Settings {
  const chosen: Partial<Settings> = Object.assign({}, ...given.toReversed());
  const settings = {
    ...presetSettings(presetNamed(preset), chosen.loss ?? "norm", data !== undefined && isCifar(data)),
    ...backboneDefaults(chosen.backbone, weights, chosen.method),
    ...chosen,
  };
  checkTogether(settings, weights);
  return settings;
}

function presetNamed(name: string): PresetName {
  if (Object.hasOwn(PRESETS, name)) return name as PresetName;
  const names = Object.keys(PRESETS).join(", ");
  throw new UsageError(`Expected --preset to be one of ${names}, but found ${JSON.stringify(name)}`);
}

function checkTogether(settings: Settings, weights: string | undefined): void {
  const { hidden, heads, image_size, feature_size, image_score, backbone, loss, image_k } = settings;
  if (hidden % heads !== 0 || hidden % 4 !== 0) {
    throw new UsageError(
      `Expected --hidden to be a multiple of 4 and of --heads ${heads}, but found ${hidden}`,
    );
  }
  if (feature_size > image_size) {
    throw new UsageError(
      `Expected --feature-size to be at most --image-size ${image_size}, but found ${feature_size}`,
    );
  }
  if (image_score === "max" && image_size < 16) {
    throw new UsageError(
      `Expected --image-size to be at least 16, which --image-score max averages over, but found ${image_size}.\n` +
        "--image-score mean has no such limit.",
    );
  }
  checkMethod(settings);
  const N = feature_size ** 2;
  if (loss === "img" && image_k > N) {
    throw new UsageError(
      `Expected --image-k to be at most ${N}, the positions of a feature map of --feature-size ${feature_size}, ` +
        `but found ${image_k}`,
    );
  }
  checkWeights(backbone, weights);
}

/** Checks that what only ADTR knows is asked of ADTR only. */
function checkMethod({ method, loss, architecture, score }: Settings): void {
  if (method === "adtr") return;
  const only = {
    "--loss": loss === "norm" ? null : loss,
    "--architecture": architecture === "adtr" ? null : architecture,
  };
  const others = { ...only, "--score": score === "residual" ? null : score };
  for (const [flag, value] of Object.entries(others)) {
    if (value !== null) {
      throw new UsageError(`Expected ${flag} ${value} with --method adtr only, but found ${method}`);
    }
  }
}

/** Checks that there is a weight file just where the backbone needs one. */
function checkWeights(backbone: Settings["backbone"], weights: string | undefined): void {
  if (isBuiltIn(backbone) && weights !== undefined) {
    throw new UsageError(
      `Expected no --weights, as --backbone ${backbone} is built in, but found ${weights}`,
    );
  }
  if (!isBuiltIn(backbone) && weights === undefined) {
    throw new UsageError(
      `Expected --weights FILE for --backbone ${backbone}, but found none.\n--backbone gabor needs none.`,
    );
  }
}
