/**
 * From a backbone's name and a weight file to a frozen feature extractor.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import { type Backbone, efficientNetBackbone } from "../model/backbone.ts";
import { loadEfficientNet } from "../model/efficientnet_weights.ts";
import { gaborBackbone } from "../model/gabor.ts";
import { readWeightFile } from "../model/weight_file.ts";
import { InputError } from "../errors.ts";
import type { Settings } from "./settings.ts";

/** A backbone, and the SHA-256 of the weight file it came from. */
export interface OpenedBackbone {
  /** Ready to make features. */
  backbone: Backbone;
  /** 64 hexadecimal digits; null where the backbone is built in. */
  weightsSha256: string | null;
}

/**
 * Opens a backbone.
 *
 * @param weights the weight file; none for the built-in ones
 * @throws {InputError} where the file can't be read or does not hold that network, or is missing or too much
 */
export async function openBackbone(
  gpu: Gpu,
  name: Settings["backbone"],
  weights: string | undefined,
): Promise<OpenedBackbone> {
  if (name === "gabor" || name === "gabor2") {
    if (weights) {
      throw new InputError(
        `Expected no weight file (--weights) for the built-in backbone ${name}, but found ${weights}`,
      );
    }
    return { backbone: gaborBackbone(gpu, name), weightsSha256: null };
  }
  if (!weights) {
    throw new InputError(`Expected a weight file (--weights) for the backbone ${name}, but found none`);
  }
  const file = await readWeightFile(weights);
  return {
    backbone: efficientNetBackbone(gpu, name, loadEfficientNet(file, name)),
    weightsSha256: file.sha256,
  };
}
