/**
 * What every frozen feature extractor offers to the rest of the program, images in, tokens out; and the paper's, made
 * of EfficientNet-B4 and the neck. The built-in one is in gabor.ts.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { EfficientNet, type EfficientNetWeights, largestMap } from "./efficientnet.ts";
import { neck } from "./neck.ts";

/** A frozen feature extractor, ready to run on its GPU. */
export interface Backbone {
  /** `efficientnet_b4`, `tf_efficientnet_b4`, `gabor` or `gabor2`. */
  readonly name: string;
  /** C, the number of feature channels. */
  readonly channels: number;
  /** Identifies weights and algorithm: changes whenever the same image may give other features. */
  readonly fingerprint: string;
  /**
   * Records the computation of features; an image's do not depend on what else is in the batch.
   *
   * @param images u8 RGB, each S×S×3 row-major, one after the other
   * @returns [B, H·W, C], for the caller to release
   * @throws {RangeError} where `images` is not `batch` images of that size
   */
  features(images: Uint8Array, batch: number, imageSize: number, H: number, W: number): Tensor;
}

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];
const ALGORITHM = 2; // raised whenever the numbers change
// Memory for the largest map of the images that run together. A software adapter gains nothing by more.
const CHUNK_BYTES = { software: 64 << 20, hardware: 256 << 20 };

/** EfficientNet-B4 and the neck (docs/method.md §2): 720 channels. */
export function efficientNetBackbone(gpu: Gpu, name: string, weights: EfficientNetWeights): Backbone {
  const network = new EfficientNet(gpu, weights);
  const C = network.channels.reduce((a, b) => a + b);
  return {
    name,
    channels: C,
    fingerprint: `${name}-${ALGORITHM}-${hash(weights)}`,
    features(images: Uint8Array, batch: number, S: number, H: number, W: number): Tensor {
      checkImages(images, batch, S);
      const features = gpu.empty([batch, H * W, C], "features");
      const budget = Math.min(
        CHUNK_BYTES[gpu.info.software ? "software" : "hardware"],
        gpu.limits.maxStorageBufferBindingSize,
      );
      const chunk = Math.max(1, Math.floor(budget / largestMap(S)));
      for (let image = 0; image < batch; image += chunk) {
        const B = Math.min(chunk, batch - image);
        const part = images.subarray(image * S * S * 3, (image + B) * S * S * 3);
        const x = gpu.tensor(normalise(part), [B, S, S, 3]);
        neck(gpu, network.taps(x), features.view([batch, H, W, C]), image);
        gpu.release(x);
      }
      return features;
    },
  };
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

/** Identifies folded weights by 64 bits of the SHA-256 of all that the network reads. */
function hash({ padding, stem, blocks }: EfficientNetWeights): string {
  const sha = createHash("sha256").update(padding);
  for (const block of [{ stem }, ...blocks]) {
    for (const layer of Object.values(block)) {
      if (typeof layer === "object" && layer) sha.update(layer.weight).update(layer.bias);
    }
  }
  return sha.digest("hex").slice(0, 16);
}

/** (v / 255 − mean) / std of every possible byte, each step rounded to float32 as in PyTorch; one table a channel. */
const TABLES = MEAN.map((mean, c) =>
  Float32Array.from({ length: 256 }, (_, v) => {
    const centred = Math.fround(Math.fround(v / 255) - Math.fround(mean));
    return centred / Math.fround(STD[c]);
  })
);

/** u8 RGB to what EfficientNet was trained on. */
export function normalise(images: Uint8Array): Float32Array<ArrayBuffer> {
  const [red, green, blue] = TABLES;
  const values = new Float32Array(images.length);
  for (let i = 0; i < images.length; i += 3) {
    values[i] = red[images[i]];
    values[i + 1] = green[images[i + 1]];
    values[i + 2] = blue[images[i + 2]];
  }
  return values;
}
