/**
 * Pixels in place of features, for the ablation that reconstructs images: a token is its patch of the normalised image
 * (docs/method.md §8). It needs no weight file.
 *
 * @module
 */
import { SettingError } from "../errors.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type Backbone, checkImages, checkPooled, inputTables, normalise } from "./backbone.ts";
import { IMAGENET } from "./backbones.ts";
import { meanPositions } from "./neck.ts";

const ALGORITHM = 1; // raised whenever the numbers change

/**
 * The backbone for images of side `imageSize` and feature maps of side `featureSize`, and no others: C is 3 times the
 * pixels of a patch, which come row by row, each with its red, green and blue.
 *
 * @throws {SettingError} where the image's side is no multiple of the feature map's
 */
export function pixelsBackbone(imageSize: number, featureSize: number): Backbone {
  if (imageSize % featureSize !== 0) {
    throw new SettingError(
      `Expected {image_size} to be a multiple of {feature_size} ${featureSize} for the backbone pixels, ` +
        `but found ${imageSize}`,
    );
  }
  const patch = imageSize / featureSize, C = 3 * patch * patch, tables = inputTables(IMAGENET);
  return {
    name: "pixels",
    channels: C,
    levelChannels: [C],
    pooledChannels: C,
    fingerprint: `pixels-${ALGORITHM}`,
    features(on, images, batch, S, H, W, pooled): Tensor {
      checkImages(images, batch, S);
      checkPooled(pooled, batch, C);
      if (S !== imageSize || H !== featureSize || W !== featureSize) {
        throw new RangeError(
          `Expected images of ${imageSize} and features of ${featureSize} a side, but found ${S} and ${H}×${W}`,
        );
      }
      const features = on.tensor(patches(normalise(images, tables), batch, S, patch), [batch, H * W, C]);
      if (pooled) meanPositions(on, features, pooled);
      return features;
    },
    [Symbol.dispose]() {},
  };
}

/** Images [B, S, S, 3] as tokens [B, N, 3 · patch²]. */
function patches(images: Float32Array, B: number, S: number, patch: number): Float32Array<ArrayBuffer> {
  const tokens = new Float32Array(images.length), line = 3 * patch, across = S / patch;
  for (let row = 0; row < B * S; row++) {
    for (let column = 0; column < across; column++) {
      const token = Math.floor(row / patch) * across + column, from = (row * across + column) * line;
      tokens.set(images.subarray(from, from + line), (token * patch + row % patch) * line);
    }
  }
  return tokens;
}
