/**
 * What every frozen feature extractor offers to the rest of the program, images in, tokens out; and those made of a
 * network and the neck: EfficientNets and ResNets. Built-in ones are in gabor.ts and pixels.ts.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { EfficientNet, type EfficientNetWeights } from "./efficientnet.ts";
import { hashLayers } from "./fold.ts";
import { neck, type TappedNetwork } from "./neck.ts";
import { ResNet, type ResNetWeights } from "./resnet.ts";

/** A frozen feature extractor, ready to run on its GPU. */
export interface Backbone {
  /** One of `BACKBONES`. */
  readonly name: string;
  /** C, the number of feature channels. */
  readonly channels: number;
  /** The number of channels of `pooled`: those of the network's last level, or C where it is built in. */
  readonly pooledChannels: number;
  /** Identifies weights, levels and algorithm: changes whenever the same image may give other features. */
  readonly fingerprint: string;
  /**
   * Records the computation of features; an image's do not depend on what else is in the batch.
   *
   * @param images u8 RGB, each S×S×3 row-major, one after the other
   * @param pooled [B, pooledChannels]; where given, gets each image's means over positions of the network's last level,
   *   or of the features where the backbone is built in
   * @returns [B, H·W, C], for the caller to release
   * @throws {RangeError} where `images` is not `batch` images of that size
   */
  features(
    images: Uint8Array,
    batch: number,
    imageSize: number,
    H: number,
    W: number,
    pooled?: Tensor,
  ): Tensor;
}

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];
const ALGORITHM = { efficientnet: 2, resnet: 1 }; // raised whenever the numbers change
// Memory for the largest map of the images that run together. A software adapter gains nothing by more.
const CHUNK_BYTES = { software: 64 << 20, hardware: 256 << 20 };

/** EfficientNet and the neck (docs/method.md §2): 720 channels for B4, 512 for B0, of all five levels. */
export function efficientNetBackbone(
  gpu: Gpu,
  name: string,
  weights: EfficientNetWeights,
  levels?: readonly number[],
): Backbone {
  const layers = weights.blocks.flatMap((block) =>
    Object.values(block).filter((layer) => typeof layer === "object" && layer !== null)
  );
  const version = `${ALGORITHM.efficientnet}-${hashLayers(weights.padding, [weights.stem, ...layers])}`;
  return networkBackbone(gpu, name, new EfficientNet(gpu, weights), version, levels);
}

/** ResNet and the neck (docs/method.md §2): 960 channels for ResNet-18 and 34, 3840 for Wide ResNet-50-2, of all four levels. */
export function resNetBackbone(
  gpu: Gpu,
  name: string,
  weights: ResNetWeights,
  levels?: readonly number[],
): Backbone {
  const layers = weights.blocks.flatMap(({ convs, downsample }) =>
    downsample ? [...convs, downsample] : convs
  );
  const version = `${ALGORITHM.resnet}-${hashLayers("", [weights.stem, ...layers])}`;
  return networkBackbone(gpu, name, new ResNet(gpu, weights), version, levels);
}

/**
 * A network and the neck.
 *
 * @param version identifies weights and algorithm
 * @param levels which to take, from 1 on, rising; all by default
 * @throws {InputError} where there are no such levels
 */
export function networkBackbone(
  gpu: Gpu,
  name: string,
  network: TappedNetwork,
  version: string,
  levels: readonly number[] = network.channels.map((_, i) => i + 1),
): Backbone {
  const count = network.channels.length;
  checkLevels(name, levels, count);
  const C = levels.reduce((sum, level) => sum + network.channels[level - 1], 0);
  const some = levels.length < count ? `-levels${levels.join("")}` : ""; // all of them, as before there was a choice
  return {
    name,
    channels: C,
    pooledChannels: network.channels[count - 1],
    fingerprint: `${name}-${version}${some}`,
    features(images, batch, S, H, W, pooled): Tensor {
      checkImages(images, batch, S);
      const tokens = gpu.empty([batch, H * W, C], "features"), features = tokens.view([batch, H, W, C]);
      const budget = Math.min(
        CHUNK_BYTES[gpu.info.software ? "software" : "hardware"],
        gpu.limits.maxStorageBufferBindingSize,
      );
      const chunk = Math.max(1, Math.floor(budget / network.largestMap(S)));
      for (let image = 0; image < batch; image += chunk) {
        const B = Math.min(chunk, batch - image);
        const part = images.subarray(image * S * S * 3, (image + B) * S * S * 3);
        const x = gpu.tensor(normalise(part, network.inputs), [B, S, S, network.inputs]);
        neck(gpu, network, x, { levels, features, pooled, image });
        gpu.release(x);
      }
      return tokens;
    },
  };
}

function checkLevels(name: string, levels: readonly number[], count: number): void {
  const fits = levels.length > 0 &&
    levels.every((level, i) => Number.isInteger(level) && level > (levels[i - 1] ?? 0) && level <= count);
  if (!fits) {
    throw new InputError(
      `Expected the levels of ${name} (--levels) to be rising numbers of 1 to ${count}, but found ${
        levels.join(",") || "none"
      }`,
    );
  }
}

/** Checks that there are as many bytes as the images need. */
export function checkImages(images: Uint8Array, batch: number, imageSize: number): void {
  const wanted = batch * imageSize * imageSize * 3;
  if (images.length !== wanted) {
    throw new RangeError(
      `Expected ${batch} images of ${imageSize}×${imageSize}×3, ${wanted} bytes, but found ${images.length}`,
    );
  }
}

/** (v / 255 − mean) / std of every possible byte, each step rounded to float32 as in PyTorch; one table a channel. */
const TABLES = MEAN.map((mean, c) =>
  Float32Array.from({ length: 256 }, (_, v) => {
    const centred = Math.fround(Math.fround(v / 255) - Math.fround(mean));
    return centred / Math.fround(STD[c]);
  })
);

/** u8 RGB to what networks were trained on, each pixel followed by as many zeros as make it `width` wide. */
export function normalise(images: Uint8Array, width = 3): Float32Array<ArrayBuffer> {
  const [red, green, blue] = TABLES;
  const values = new Float32Array(images.length / 3 * width);
  for (let i = 0, at = 0; i < images.length; i += 3, at += width) {
    values[at] = red[images[i]];
    values[at + 1] = green[images[i + 1]];
    values[at + 2] = blue[images[i + 2]];
  }
  return values;
}
