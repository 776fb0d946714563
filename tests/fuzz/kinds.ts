/**
 * Every kind of file that is read: sound ones to begin with, and how they are damaged. What reads them stands in readers.ts.
 *
 * @module
 */
import { METHOD_NAMES } from "../../src/methods/registry.ts";
import { CIFAR, cifarSeeds, TAR, tarSeeds } from "./archives.ts";
import { BMP, GIF, imageSeeds, JPEG, PNG, TIFF, WEBP } from "./images.ts";
import { checkpointSeeds, modelSeeds } from "./models.ts";
import type { Bytes, Mutators } from "./mutations.ts";
import type { KindName } from "./readers.ts";
import { PARTS, requestSeeds } from "./requests.ts";
import { configSeeds, featureSeeds, logSeeds, resultSeeds, scoreSeeds, visaSeeds } from "./tables.ts";
import { PTH, pthSeeds, SAFETENSORS, safetensorsSeeds } from "./tensors.ts";
import { JSON_FILE, JSON_LINES, TABLE } from "./texts.ts";

/** A kind of file. */
export interface Kind {
  /** Files of it by name: most are sound. */
  seeds(): Map<string, Bytes> | Promise<Map<string, Bytes>>;
  /** Damage that knows the format. */
  readonly mutators: Mutators;
}

/** All kinds, by the names that the command knows. */
export const KINDS: Readonly<Record<KindName, Kind>> = {
  png: { seeds: () => imageSeeds("png"), mutators: PNG },
  jpeg: { seeds: () => imageSeeds("jpeg"), mutators: JPEG },
  bmp: { seeds: () => imageSeeds("bmp"), mutators: BMP },
  tiff: { seeds: () => imageSeeds("tiff"), mutators: TIFF },
  webp: { seeds: () => imageSeeds("webp"), mutators: WEBP },
  gif: { seeds: () => imageSeeds("gif"), mutators: GIF },
  safetensors: { seeds: safetensorsSeeds, mutators: SAFETENSORS },
  pth: { seeds: pthSeeds, mutators: PTH },
  tar: { seeds: tarSeeds, mutators: TAR },
  cifar: { seeds: cifarSeeds, mutators: CIFAR },
  config: { seeds: configSeeds, mutators: JSON_FILE },
  visa: { seeds: visaSeeds, mutators: TABLE },
  scores: { seeds: scoreSeeds, mutators: { ...TABLE, ...JSON_LINES } },
  results: { seeds: resultSeeds, mutators: JSON_FILE },
  request: { seeds: requestSeeds, mutators: PARTS },
  log: { seeds: logSeeds, mutators: JSON_LINES },
  features: { seeds: featureSeeds, mutators: {} },
  model: { seeds: () => modelSeeds(METHOD_NAMES), mutators: SAFETENSORS },
  checkpoint: { seeds: checkpointSeeds, mutators: SAFETENSORS },
};
