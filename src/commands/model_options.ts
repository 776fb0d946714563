/**
 * What `eval` and `score` have in common: the model, its weights, and how its maps become scores.
 *
 * @module
 */
import { type Command, Option } from "npm:commander@^15.1.0";
import { defaultCache } from "../host/feature_cache.ts";
import { openModel } from "../host/open_model.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { METHOD_NAMES } from "../methods/registry.ts";
import { rulesOf } from "../methods/resolve.ts";
import type { Rule, Value } from "../methods/settings.ts";
import { MISSING_MASKS } from "../score/evaluate.ts";
import type { Model } from "../score/model.ts";
import { addSettings, flagOf, givenSettings } from "./options.ts";
import type { ProgressDisplay } from "./progress.ts";
import { givenWeights, weightsKeyOption, type WeightsOptions } from "./weights_options.ts";

/** Settings that may be others than those of the training, of all methods. */
const SCORING = [
  ...new Set(METHOD_NAMES.flatMap((method) =>
    Object.entries(rulesOf(method) as Record<string, Rule>)
      .filter(([, { scoring }]) => scoring)
      .map(([name]) => name)
  )),
];

/** The options as they are parsed. */
export interface ModelOptions extends WeightsOptions {
  model: string;
}

/** Adds --model, --weights and --weights-key to a command. */
export function addModel(command: Command): Command {
  return command
    .requiredOption("--model <FILE>", "the model, RUN/model.safetensors")
    .option("--weights <FILE>", "the weight file it was trained with, unless its backbone is built in")
    .addOption(weightsKeyOption());
}

/** Adds the options that change how maps become scores. */
export function addScoring(command: Command): Command {
  return addSettings(command, { method: METHOD_NAMES[0], names: SCORING, fallback: "as the model says" });
}

/**
 * Opens the model that the options name. Where they make other scores of maps than the model's thresholds are for, it says so.
 *
 * @throws {InputError} as `openModel` does
 */
export async function openGivenModel(
  gpu: Gpu,
  options: ModelOptions,
  display: ProgressDisplay,
): Promise<Model> {
  const settings = givenSettings({ ...options }, SCORING) as Record<string, Value>;
  const { weights, weightsKey: weights_key } = givenWeights(options), cache = defaultCache(display.warn);
  const model = await openModel(gpu, options.model, { settings, weights, weights_key, cache });
  const others = Object.keys(settings).filter((name) => settings[name] !== model.info[name]);
  if (others.length > 0) {
    display.warn(
      `${
        others.map(flagOf).join(", ")
      }: not as in training, so the model's thresholds and held-out scores don't hold`,
    );
  }
  return model;
}

/** The error for an option that wants maps of a model which has none. */
export function noMaps(flag: string, model: string): InputError {
  return new InputError(
    `Expected a model that makes maps with ${flag}, but found ${model}, which scores whole images`,
  );
}

/** What becomes of an anomalous test image without a mask, where others have one. */
export function missingMasksOption(): Option {
  return new Option("--missing-masks <WHAT>", "an anomalous image without a mask, where others have one")
    .choices(MISSING_MASKS).default("refuse");
}
