/**
 * From a backbone's name and a weight file to a frozen feature extractor.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import { type Backbone, efficientNetBackbone, resNetBackbone } from "../model/backbone.ts";
import { loadEfficientNet } from "../model/efficientnet_weights.ts";
import { gaborBackbone } from "../model/gabor.ts";
import { pixelsBackbone } from "../model/pixels.ts";
import { isResNet, loadResNet } from "../model/resnet_weights.ts";
import { readWeightFile } from "../host/tensor_files.ts";
import { InputError } from "../errors.ts";
import type { Settings } from "./settings.ts";

/** A backbone, and the SHA-256 of the weight file it came from. */
export interface OpenedBackbone {
  /** Ready to make features. */
  backbone: Backbone;
  /** 64 hexadecimal digits; null where the backbone is built in. */
  weightsSha256: string | null;
}

/** What else decides a backbone's features. */
export interface BackboneOptions {
  /** The levels of a network to take, from 1 on, rising, as `2,3`; `all` by default, and for the built-in backbones. */
  levels?: string;
  /** S; wanted by `pixels`, whose channels depend on it. */
  image_size?: number;
  /** H = W; wanted by `pixels` too. */
  feature_size?: number;
}

/** Every level. */
const ALL = "all";

/** Whether a backbone is built in, and needs no weight file. */
export function isBuiltIn(name: Settings["backbone"]): name is "gabor" | "gabor2" | "pixels" {
  return name === "gabor" || name === "gabor2" || name === "pixels";
}

/**
 * Opens a backbone.
 *
 * @param weights the weight file; none for the built-in ones
 * @throws {InputError} where the file can't be read or does not hold that network, or is missing or too much; where
 *   there are no such levels; where sizes don't suit `pixels`
 */
export async function openBackbone(
  gpu: Gpu,
  name: Settings["backbone"],
  weights: string | undefined,
  options: BackboneOptions = {},
): Promise<OpenedBackbone> {
  if (isBuiltIn(name)) {
    if (weights) {
      throw new InputError(
        `Expected no weight file (--weights) for the built-in backbone ${name}, but found ${weights}`,
      );
    }
    return { backbone: builtIn(gpu, name, options), weightsSha256: null };
  }
  if (!weights) {
    throw new InputError(`Expected a weight file (--weights) for the backbone ${name}, but found none`);
  }
  const file = await readWeightFile(weights), levels = options.levels ?? ALL;
  const numbers = levels === ALL ? undefined : levels.split(",").map(Number);
  const backbone = isResNet(name)
    ? resNetBackbone(gpu, name, loadResNet(file, name), numbers)
    : efficientNetBackbone(gpu, name, loadEfficientNet(file, name), numbers);
  return { backbone, weightsSha256: file.sha256 };
}

function builtIn(gpu: Gpu, name: "gabor" | "gabor2" | "pixels", options: BackboneOptions): Backbone {
  const { levels = ALL, image_size, feature_size } = options;
  if (levels !== ALL) {
    throw new InputError(
      `Expected no levels (--levels) for the built-in backbone ${name}, but found ${levels}`,
    );
  }
  if (name !== "pixels") return gaborBackbone(gpu, name);
  if (!image_size || !feature_size) {
    throw new InputError(
      `Expected image_size and feature_size for the backbone pixels, but found ${image_size ?? "none"} and ${
        feature_size ?? "none"
      }`,
    );
  }
  return pixelsBackbone(gpu, image_size, feature_size);
}
