/**
 * Config files: JSON under the names of config.json, so that the one of an earlier run can be used as it is. Options win
 * over the config file, that over preset and defaults.
 *
 * @module
 */
import { InputError, SettingError, shortened, UsageError } from "../errors.ts";
import { isCifar } from "../host/cifar_images.ts";
import { readWhole } from "../host/files.ts";
import type { DataKind } from "../methods/method.ts";
import { METHOD_NAMES, methodNamed } from "../methods/registry.ts";
import { checkSettings, presetNamed, resolveSettings, SETTINGS } from "../methods/resolve.ts";
import type { Settings } from "../methods/settings.ts";
import { type BackboneName, BACKBONES } from "../model/backbones.ts";
import { didYouMean } from "../nearest.ts";

/** What a config file may hold besides settings. */
const PLACES = [
  "data",
  "category",
  "anomalous",
  "outliers",
  "weights",
  "weights_key",
  "init",
  "out",
  "preset",
] as const;
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
 * @param given the method that is asked for by an option, where one is
 * @throws {InputError} where it can't be read or is no JSON object
 * @throws {UsageError} for an unknown key or a value that the option of that name would refuse
 */
export async function readConfig(path: string, given?: string): Promise<Config> {
  const config: Config = { settings: {}, places: {} }, settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(await readObject(path))) {
    if (value === null || key === NOTES) continue;
    if (SETTINGS.has(key)) {
      settings[key] = value;
    } else if (!PLACES.includes(key as typeof PLACES[number])) {
      const hint = didYouMean(key, [...SETTINGS.keys(), ...PLACES]);
      throw new UsageError(`Expected the name of a setting in ${path}, but found "${shortened(key)}"${hint}`);
    } else if (typeof value !== "string") {
      throw new UsageError(
        `Expected ${key} in ${path} to be a text, but found ${shortened(JSON.stringify(value))}`,
      );
    } else {
      config.places[key as typeof PLACES[number]] = value;
    }
  }
  const method = given ?? settings.method;
  try {
    checkSettings(METHOD_NAMES.includes(method as string) ? method as string : METHOD_NAMES[0], settings);
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new UsageError(`In ${path}: ${error.message}`);
  }
  return { ...config, settings: settings as Partial<Settings> };
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
    throw new InputError(
      `Expected a JSON object in ${path}, but found ${text.trim().slice(0, 40) || "nothing"}`,
    );
  }
  return content;
}

/**
 * Every setting in effect.
 *
 * @param given settings from most to least important: options, config file
 * @param preset fills what is not given
 * @param weights the weight file, which decides what the backbone is by default
 * @param data the data set; `demo` for the demo's own
 * @throws {SettingError} where settings are wrong or don't fit together
 * @throws {UsageError} where there is a weight file that nothing needs, or none that is needed
 */
export function settingsOf(
  given: readonly Partial<Settings>[],
  preset: string,
  weights: string | undefined,
  data: string | DataKind,
): Settings {
  const chosen: Partial<Settings> = Object.assign({}, ...given.toReversed());
  const settings = resolveSettings(chosen, {
    preset: presetNamed(preset),
    data: data === "demo" ? "demo" : isCifar(data) ? "cifar" : "folder",
    weights: weights !== undefined,
  });
  checkWeights(settings, weights);
  return settings;
}

/** Checks that there is a weight file just where the backbone needs one. */
function checkWeights({ method, backbone }: Settings, weights: string | undefined): void {
  if (methodNamed(method).input === "pixels") {
    if (weights === undefined) return;
    throw new UsageError(
      `Expected no --weights, as --method ${method} looks at pixels, but found ${weights}`,
    );
  }
  const needs = BACKBONES[backbone as BackboneName].weights;
  if (needs === "none" && weights !== undefined) {
    throw new UsageError(
      `Expected no --weights, as --backbone ${backbone} is built in, but found ${weights}`,
    );
  }
  if (needs === "file" && weights === undefined) {
    throw new UsageError(
      `Expected --weights FILE for --backbone ${backbone}, but found none.\n--backbone efficientnet_lite0 needs none.`,
    );
  }
}
