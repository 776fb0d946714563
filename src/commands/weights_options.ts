/**
 * `--weights` and `--weights-key`: the weight file of a backbone, and which state dict in it is meant.
 *
 * @module
 */
import { Option } from "npm:commander@^15.1.0";
import { UsageError } from "../errors.ts";
import type { Config } from "./config.ts";

/** The options as they are parsed. */
export interface WeightsOptions {
  weights?: string;
  weightsKey?: string;
}

/** Which state dict of a weight file. */
export function weightsKeyOption(): Option {
  return new Option(
    "--weights-key <KEY>",
    "of a .pth with several state dicts, the one to take: ema.state_dict",
  );
}

/**
 * The file and the state dict in it: from the options, else from a config file, whose key goes with its file only.
 *
 * @throws {UsageError} where there is a key without a file
 */
export function givenWeights(
  { weights, weightsKey }: WeightsOptions,
  places: Config["places"] = {},
): WeightsOptions {
  const file = weights ?? places.weights;
  const key = weightsKey ?? (weights === undefined ? places.weights_key : undefined);
  if (key !== undefined && file === undefined) {
    throw new UsageError(`Expected --weights FILE with --weights-key ${key}, but found none`);
  }
  return { weights: file, weightsKey: key };
}
