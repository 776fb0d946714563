/**
 * The pyramids of DCGAN (Radford et al. 2015, arXiv 1511.06434), of which adversarial methods are made: 4×4 convolutions of
 * stride 2 without biases, batch normalisation and leaky ReLU (0.2) behind them, from S×S pixels to 4×4 positions; the
 * generator mirrors them with ReLU. Weights begin as N(0, 0.02²), scales as N(1, 0.02²).
 *
 * @module
 */
import { act, batchNorm, conv2d, convTranspose2d, type Layer, normal, sequential } from "../model/layers.ts";
import { SettingError } from "../errors.ts";

const weight = { bias: false, initial: normal(0.02) }, scale = { initial: normal(0.02, 1) };
const half = { ...weight, stride: 2, padding: 1 };

/** Sizes of a pyramid. */
export interface PyramidSizes {
  /** Side of the images: 4 times a power of two, at least 8. */
  S: number;
  /** Channels at S/2; each halving of the side doubles them. */
  width: number;
}

/** How often the side is halved. @throws {RangeError} where that does not end at 4 */
function levelsOf(S: number): number {
  const levels = Math.log2(S / 4);
  if (Number.isInteger(levels) && levels > 0) return levels;
  throw new RangeError(`Expected images of 8, 16, 32 … pixels a side, but found ${S}`);
}

/** For `check`. @throws {SettingError} where images have no such side */
export function checkPyramid({ image_size }: { image_size: number }): void {
  try {
    levelsOf(image_size);
  } catch {
    throw new SettingError(`Expected {image_size} to be 8, 16, 32, 64 …, but found ${image_size}`);
  }
}

/** Channels at 4×4 positions. */
function deepest({ S, width }: PyramidSizes): number {
  return width * 2 ** (levelsOf(S) - 1);
}

/** Images [B, S, S, 3] to [B, 4, 4, C]. */
export function pyramid(sizes: PyramidSizes): Layer {
  const layers = [conv2d(3, sizes.width, 4, half), act({ leaky: 0.2 })]; // [S/2, S/2, width]
  for (let C = sizes.width; C < deepest(sizes); C *= 2) {
    layers.push(conv2d(C, 2 * C, 4, half), batchNorm(2 * C, scale), act({ leaky: 0.2 }));
  }
  return sequential(...layers);
}

/** What a pyramid ends in, [B, 4, 4, C] to [B, 1, 1, outputs]. */
export function summit(sizes: PyramidSizes, outputs: number): Layer {
  return sequential(conv2d(deepest(sizes), outputs, 4, weight));
}

/** Codes [B, 1, 1, latent] to images [B, S, S, 3] in −1..1. */
export function generator(sizes: PyramidSizes, latent: number): Layer {
  const top = deepest(sizes);
  const layers = [convTranspose2d(latent, top, 4, weight), batchNorm(top, scale), act("relu")]; // [4, 4, top]
  for (let C = top; C > sizes.width; C /= 2) {
    layers.push(convTranspose2d(C, C / 2, 4, half), batchNorm(C / 2, scale), act("relu"));
  }
  return sequential(...layers, convTranspose2d(sizes.width, 3, 4, half), act("tanh"));
}
