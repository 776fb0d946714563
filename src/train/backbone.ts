/**
 * From a backbone's name and a weight file's path to a frozen feature extractor.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Backbone } from "../model/backbone.ts";
import { BACKBONES } from "../model/backbones.ts";
import { type BackboneOptions, openBackbone as open } from "../model/open_backbone.ts";
import { readWeightFile } from "../formats/weight_file.ts";
import type { Settings } from "./settings.ts";

export type { BackboneOptions } from "../model/open_backbone.ts";

/** A backbone, and the SHA-256 of the weight file it came from. */
export interface OpenedBackbone {
  /** Ready to make features. */
  backbone: Backbone;
  /** 64 hexadecimal digits; null where there is no file. */
  weightsSha256: string | null;
}

/** Whether a backbone needs no weight file. */
export function isBuiltIn(name: Settings["backbone"]): boolean {
  return BACKBONES[name].weights !== "file";
}

/**
 * Opens a backbone.
 *
 * @param weights the weight file; none for those that need none
 * @throws {InputError} where the file can't be read or does not hold that network, or is missing or too much; where
 *   there are no such levels; where sizes don't suit `pixels`
 */
export async function openBackbone(
  gpu: Gpu,
  name: Settings["backbone"],
  weights: string | undefined,
  options: BackboneOptions = {},
): Promise<OpenedBackbone> {
  const file = weights ? await readWeightFile(weights) : null;
  return { backbone: await open(gpu, name, file, options), weightsSha256: file?.sha256 ?? null };
}
