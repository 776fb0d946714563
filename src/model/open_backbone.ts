/**
 * From a backbone's name and a file of weights to a frozen feature extractor.
 *
 * @module
 */
import { InputError, SettingError } from "../errors.ts";
import type { TensorFile } from "../formats/tensor_file.ts";
import type { Compute } from "../gpu/compute.ts";
import { type Backbone, type LevelOptions, networkBackbone } from "./backbone.ts";
import { type BackboneName, BACKBONES, type Input } from "./backbones.ts";
import { bundledWeights } from "./bundled_weights.ts";
import { EfficientNet, type EfficientNetWeights } from "./efficientnet.ts";
import { loadEfficientNet } from "./efficientnet_weights.ts";
import { type FoldedConv, hashLayers, requireHalf } from "./fold.ts";
import { gaborBackbone } from "./gabor.ts";
import type { TappedNetwork } from "./neck.ts";
import { pixelsBackbone } from "./pixels.ts";
import { ResNet, type ResNetWeights } from "./resnet.ts";
import { loadResNet } from "./resnet_weights.ts";
import { Vgg, type VggWeights } from "./vgg.ts";
import { loadVgg } from "./vgg_weights.ts";

/** What else decides a backbone's features. */
export interface BackboneOptions {
  /** The levels of a network to take, from 1 on, rising, as `2,3`, or `all`; by default what the description says. */
  levels?: string;
  /** The levels whose means over positions describe whole images, likewise; the network's last by default. */
  pooledLevels?: readonly number[];
  /** S; wanted by `pixels`, whose channels depend on it, and where it is given checked by `vgg16` and its like. */
  image_size?: number;
  /** H = W; wanted by `pixels` too. */
  feature_size?: number;
  /** As what a network's weights and maps lie in memory, `f16` where the adapter has shader-f16. Default `f32`. */
  precision?: "f32" | "f16";
}

const ALL = "all";
const ALGORITHM = { efficientnet: 2, resnet: 1, vgg: 1 }; // raised whenever the numbers change

/**
 * Opens a backbone.
 *
 * @param gpu where its weights are kept until it is disposed of
 * @param weights what a weight file holds; null for the built-in backbones, and for those whose weights are bundled
 * @throws {InputError} where the file does not hold that network, or is missing or too much
 * @throws {SettingError} where there are no such levels; where sizes don't suit `pixels`, or are too small for the network; where
 *   the adapter has no f16 that is asked for, or weights are too large for it
 */
export async function openBackbone(
  gpu: Compute,
  name: BackboneName,
  weights: TensorFile | null,
  options: BackboneOptions = {},
): Promise<Backbone> {
  if (BACKBONES[name].family === "built in") return builtIn(name, weights, options);
  if (options.precision === "f16" && !gpu.profile.f16) {
    throw new SettingError(
      `Expected an adapter with shader-f16 for {precision} f16, but found none in "${gpu.info.description}";\n` +
        "{precision} f32 runs everywhere",
    );
  }
  const read = await readNetwork(name, weights, options), { input, levels } = read;
  switch (read.family) {
    case "efficientnet":
      return await efficientNetBackbone(gpu, name, read.weights, input, levels);
    case "resnet":
      return await resNetBackbone(gpu, name, read.weights, input, levels);
    case "vgg":
      return await vggBackbone(gpu, name, read.weights, input, levels);
  }
}

/** A network on the host, and which of its levels to take. */
export type ReadNetwork =
  & (
    | { family: "efficientnet"; weights: EfficientNetWeights }
    | { family: "resnet"; weights: ResNetWeights }
    | { family: "vgg"; weights: VggWeights }
  )
  & { input: Input; levels: LevelOptions };

/**
 * Reads a network's weights.
 *
 * @param weights what a weight file holds; null for the networks whose weights are bundled
 * @throws {InputError} where the file does not hold that network, or is missing
 * @throws {SettingError} where images are too small for it
 */
export async function readNetwork(
  name: BackboneName,
  weights: TensorFile | null,
  options: Pick<BackboneOptions, "levels" | "pooledLevels" | "image_size" | "precision">,
): Promise<ReadNetwork> {
  const description = BACKBONES[name];
  if (description.family === "built in") throw new RangeError(`Expected a network, but found ${name}`);
  if (!weights && description.weights !== "bundled") {
    throw new InputError(`Expected a weight file for the backbone ${name}, but found none`);
  }
  const file = weights ?? await bundledWeights(name);
  const chosen = options.levels ?? description.levels, { input } = description;
  const levels = {
    levels: chosen === ALL ? undefined : chosen.split(",").map(Number),
    pooledLevels: options.pooledLevels,
    precision: options.precision,
  };
  switch (description.family) {
    case "efficientnet": {
      const weights = loadEfficientNet(file, name, description);
      // Where padding does not go by the image, smaller ones have nothing left after five halvings.
      if (typeof weights.padding === "number") requireSide(name, 2 ** 5, options);
      return { family: "efficientnet", weights, input, levels };
    }
    case "resnet":
      return { family: "resnet", weights: loadResNet(file, description), input, levels };
    case "vgg":
      requireSide(name, 2 ** description.groups.length, options);
      return { family: "vgg", weights: loadVgg(file, description), input, levels };
  }
}

function requireSide(
  name: string,
  least: number,
  { image_size = least }: Pick<BackboneOptions, "image_size">,
): void {
  if (image_size >= least) return;
  throw new SettingError(
    `Expected {image_size} to be at least ${least} for the backbone ${name}, but found ${image_size}`,
  );
}

/** Checks that a file holds a backbone's weights. @throws {InputError} where {@linkcode openBackbone} does */
export function checkWeights(file: TensorFile, name: BackboneName): void {
  const description = BACKBONES[name];
  switch (description.family) {
    case "efficientnet":
      return void loadEfficientNet(file, name, description);
    case "resnet":
      return void loadResNet(file, description);
    case "vgg":
      return void loadVgg(file, description);
    case "built in":
      throw new InputError(
        `Expected no weight file for the built-in backbone ${name}, but found ${file.path}`,
      );
  }
}

/** EfficientNet and the neck (docs/method.md §2): of all five levels 720 channels for B4, 512 for B0. */
export async function efficientNetBackbone(
  gpu: Compute,
  name: string,
  weights: EfficientNetWeights,
  input: Input,
  levels: LevelOptions = {},
): Promise<Backbone> {
  const version = await efficientNetVersion(weights),
    make = () => new EfficientNet(gpu, weights, levels.precision);
  return backboneOf({ name, input, version, levels }, efficientNetLayers(weights), make);
}

/** ResNet and the neck (docs/method.md §2): 960 channels for ResNet-18 and 34, 3840 for Wide ResNet-50-2, of all four levels. */
export async function resNetBackbone(
  gpu: Compute,
  name: string,
  weights: ResNetWeights,
  input: Input,
  levels: LevelOptions = {},
): Promise<Backbone> {
  const version = await resNetVersion(weights), make = () => new ResNet(gpu, weights, levels.precision);
  return backboneOf({ name, input, version, levels }, resNetLayers(weights), make);
}

/** VGG and the neck (docs/method.md §2): of all five levels 1472 channels. */
export async function vggBackbone(
  gpu: Compute,
  name: string,
  weights: VggWeights,
  input: Input,
  levels: LevelOptions = {},
): Promise<Backbone> {
  const version = await vggVersion(weights), make = () => new Vgg(gpu, weights, levels.precision);
  return backboneOf({ name, input, version, levels }, vggLayers(weights), make);
}

/** Identifies an EfficientNet's weights, and how they are used. */
export async function efficientNetVersion(weights: EfficientNetWeights): Promise<string> {
  const { padding, act, taps } = weights, rest = JSON.stringify([padding, act, taps]);
  return `${ALGORITHM.efficientnet}-${await hashLayers(rest, efficientNetLayers(weights))}`;
}

function efficientNetLayers({ stem, blocks }: EfficientNetWeights): FoldedConv[] {
  const layers = blocks.flatMap(({ expand, depthwise, reduce, excite, project }) =>
    [expand, depthwise, reduce, excite, project].filter((layer) => layer !== null)
  );
  return [stem, ...layers];
}

/** Identifies a ResNet's weights, and how they are used. */
export async function resNetVersion(weights: ResNetWeights): Promise<string> {
  return `${ALGORITHM.resnet}-${await hashLayers("", resNetLayers(weights))}`;
}

function resNetLayers({ stem, blocks }: ResNetWeights): FoldedConv[] {
  return [
    stem,
    ...blocks.flatMap(({ convs, downsample }) => downsample ? [...convs, downsample] : convs),
  ];
}

/** Identifies a VGG's weights, and how they are used. */
export async function vggVersion(weights: VggWeights): Promise<string> {
  const rest = JSON.stringify(weights.groups.map((convs) => convs.length));
  return `${ALGORITHM.vgg}-${await hashLayers(rest, vggLayers(weights))}`;
}

const vggLayers = ({ groups }: VggWeights): FoldedConv[] => groups.flat();

/**
 * A network as a backbone; it is disposed of where it can't be one.
 *
 * @param layers all that it uploads
 * @throws {SettingError} where there are no such levels, or f16 does not have the weights
 */
function backboneOf(
  { name, input, version, levels }: { name: string; input: Input; version: string; levels: LevelOptions },
  layers: readonly FoldedConv[],
  make: () => TappedNetwork,
): Backbone {
  if (levels.precision === "f16") requireHalf(layers);
  const network = make();
  try {
    return networkBackbone(name, network, input, version, levels);
  } catch (error) {
    network[Symbol.dispose]();
    throw error;
  }
}

/**
 * A backbone without weights; nothing of it is on a GPU.
 *
 * @throws {InputError} where there is a weight file
 * @throws {SettingError} as {@linkcode openBackbone} does
 */
export function builtIn(
  name: BackboneName,
  weights: TensorFile | null,
  options: BackboneOptions,
): Backbone {
  if (weights) {
    throw new InputError(
      `Expected no weight file for the built-in backbone ${name}, but found ${weights.path}`,
    );
  }
  const { levels = ALL, pooledLevels, image_size, feature_size, precision = "f32" } = options;
  if (precision !== "f32") {
    throw new SettingError(
      `Expected {precision} f32 for the built-in backbone ${name}, which has no weights, but found ${precision}`,
    );
  }
  if (levels !== ALL || pooledLevels) {
    throw new SettingError(
      pooledLevels
        ? `Expected no {pooled_levels} for the built-in backbone ${name}, but found ${pooledLevels}`
        : `Expected no {levels} for the built-in backbone ${name}, but found ${levels}`,
    );
  }
  if (name === "gabor" || name === "gabor2") return gaborBackbone(name);
  if (!image_size || !feature_size) {
    throw new SettingError(
      `Expected {image_size} and {feature_size} for the backbone pixels, but found ${
        image_size ?? "none"
      } and ${feature_size ?? "none"}`,
    );
  }
  return pixelsBackbone(image_size, feature_size);
}
