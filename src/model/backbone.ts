/**
 * What every frozen feature extractor offers to the rest of the program, images in, tokens out; and what makes one of a
 * network and the neck.
 *
 * @module
 */
import { SettingError } from "../errors.ts";
import type { Compute } from "../gpu/compute.ts";
import { BYTES, type Tensor } from "../gpu/tensor.ts";
import { upload } from "../kernels/upload.ts";
import type { Input } from "./backbones.ts";
import { neck, type TappedNetwork } from "./neck.ts";

/** A frozen feature extractor, ready to run. Its weights stay on its GPU until it is disposed of. */
export interface Backbone extends Disposable {
  /** One of `BACKBONES`. */
  readonly name: string;
  /** C, the number of feature channels. */
  readonly channels: number;
  /** How many of them each level in use has, in the order in which they lie: of a built-in backbone, each kind and scale. */
  readonly levelChannels: readonly number[];
  /** P, the number of channels of `pooled`: those of the pooled levels, or C where the backbone is built in. */
  readonly pooledChannels: number;
  /** Identifies weights, levels and algorithm: changes whenever the same image may give other features. */
  readonly fingerprint: string;
  /** As what its weights and maps lie in memory, where it is a network. */
  readonly precision?: "f32" | "f16";
  /**
   * Records the computation of features; an image's do not depend on what else is in the batch.
   *
   * @param on a step's scope, to which all memory goes back if this throws; or the GPU
   * @param images u8 RGB, each S×S×3 row-major, one after the other
   * @param pooled [B, P]; where given, gets each image's means over positions of the pooled levels, or of the features
   *   where the backbone is built in
   * @returns [B, H·W, C], taken from `on`
   * @throws {RangeError} where `images` is not `batch` images of that size, or `pooled` has another shape
   */
  features(
    on: Compute,
    images: Uint8Array,
    batch: number,
    imageSize: number,
    H: number,
    W: number,
    pooled?: Tensor,
  ): Tensor;
}

/** Which of a network's levels are taken, from 1 on, rising; and how it computes. */
export interface LevelOptions {
  /** For features; all by default. */
  levels?: readonly number[];
  /** For the means of whole images; the last by default. */
  pooledLevels?: readonly number[];
  /** As what weights and maps lie in memory; features are f32, and sums. Default f32. */
  precision?: "f32" | "f16";
}

// Memory for the largest map of the images that run together. A software adapter gains nothing by more.
const CHUNK_BYTES = { software: 64 << 20, hardware: 256 << 20 };

/** The levels of a network that are taken, and what comes of that. */
export interface TakenLevels {
  /** For features, from 1 on, rising. */
  readonly levels: readonly number[];
  /** For the means of whole images. */
  readonly pooledLevels: readonly number[];
  /** C and P: the channels that they have together. */
  readonly channels: number;
  readonly pooledChannels: number;
  /** See {@linkcode Backbone}. */
  readonly levelChannels: readonly number[];
  readonly fingerprint: string;
}

/**
 * Which levels of a network are taken.
 *
 * @param channels of each of its levels
 * @param version identifies weights and algorithm
 * @throws {SettingError} where there are no such levels
 */
export function takenLevels(
  name: string,
  channels: readonly number[],
  version: string,
  options: LevelOptions = {},
): TakenLevels {
  const count = channels.length, every = channels.map((_, i) => i + 1);
  const { levels = every, pooledLevels = [count], precision = "f32" } = options;
  checkLevels(`{levels} of ${name}`, levels, count);
  checkLevels(`{pooled_levels} of ${name}`, pooledLevels, count);
  const widths = (levels: readonly number[]) => levels.map((level) => channels[level - 1]);
  const width = (levels: readonly number[]) => widths(levels).reduce((a, b) => a + b);
  const some = levels.length < count ? `-levels${levels.join("")}` : ""; // all of them, as before there was a choice
  const pools = `${pooledLevels}` === `${count}` ? "" : `-pooled${pooledLevels.join("")}`;
  const rounded = precision === "f32" ? "" : `-${precision}`;
  const fingerprint = `${name}-${version}${some}${pools}${rounded}`;
  return {
    levels,
    pooledLevels,
    channels: width(levels),
    pooledChannels: width(pooledLevels),
    levelChannels: widths(levels),
    fingerprint,
  };
}

/**
 * A network and the neck.
 *
 * @param network of the precision that the options have
 * @param version identifies weights and algorithm
 * @throws {SettingError} where there are no such levels
 */
export function networkBackbone(
  name: string,
  network: TappedNetwork,
  input: Input,
  version: string,
  options: LevelOptions = {},
): Backbone {
  const taken = takenLevels(name, network.channels, version, options), tables = inputTables(input);
  const { levels, pooledLevels, channels: C, pooledChannels: P, levelChannels, fingerprint } = taken;
  return {
    name,
    channels: C,
    levelChannels,
    pooledChannels: P,
    fingerprint,
    precision: network.dtype,
    features(on, images, batch, S, H, W, pooled): Tensor {
      checkImages(images, batch, S);
      checkPooled(pooled, batch, P);
      const tokens = on.empty([batch, H * W, C], "features"), features = tokens.view([batch, H, W, C]);
      const budget = Math.min(
        CHUNK_BYTES[on.profile.kind],
        on.limits.maxStorageBufferBindingSize,
      );
      const chunk = Math.max(1, Math.floor(budget / (network.largestMap(S) * BYTES[network.dtype])));
      for (let image = 0; image < batch; image += chunk) {
        const B = Math.min(chunk, batch - image);
        const part = images.subarray(image * S * S * 3, (image + B) * S * S * 3);
        const pixels = normalise(part, tables, network.inputs);
        const x = upload(on, pixels, [B, S, S, network.inputs], network.dtype);
        neck(on, network, x, { levels, features, pooledLevels, pooled, image });
        on.release(x);
      }
      return tokens;
    },
    [Symbol.dispose]: () => network[Symbol.dispose](),
  };
}

function checkLevels(what: string, levels: readonly number[], count: number): void {
  const fits = levels.length > 0 &&
    levels.every((level, i) => Number.isInteger(level) && level > (levels[i - 1] ?? 0) && level <= count);
  if (!fits) {
    throw new SettingError(
      `Expected ${what} to be rising numbers of 1 to ${count}, but found ${levels.join(",") || "none"}`,
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

/** Checks that there is room for the means of whole images, where these are wanted. */
export function checkPooled(pooled: Tensor | undefined, batch: number, P: number): void {
  if (pooled && `${pooled.shape}` !== `${[batch, P]}`) {
    throw new RangeError(`Expected room for means [${[batch, P]}], but found [${pooled.shape}]`);
  }
}

/** What every possible byte of red, green and blue becomes. */
export type InputTables = readonly Float32Array[];

/** (v / scale − mean) / deviation of every possible byte, each step rounded to float32 as in PyTorch; one table a channel. */
export function inputTables({ scale, mean, deviation }: Input): InputTables {
  const { fround } = Math;
  return mean.map((mean, c) =>
    Float32Array.from({ length: 256 }, (_, v) => {
      const centred = fround(fround(v / scale) - fround(mean));
      return centred / fround(deviation[c]);
    })
  );
}

/** u8 RGB to what a network was trained on, each pixel followed by as many zeros as make it `width` wide. */
export function normalise(images: Uint8Array, tables: InputTables, width = 3): Float32Array<ArrayBuffer> {
  const [red, green, blue] = tables;
  const values = new Float32Array(images.length / 3 * width);
  for (let i = 0, at = 0; i < images.length; i += 3, at += width) {
    values[at] = red[images[i]];
    values[at + 1] = green[images[i + 1]];
    values[at + 2] = blue[images[i + 2]];
  }
  return values;
}
