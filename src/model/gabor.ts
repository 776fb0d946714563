/**
 * The built-in backbone (docs/method.md §8): local Gabor energies, colours and contrasts on a pyramid. It needs no
 * weight file. `gabor2` adds the bank's responses to its own moduli, as a scattering transform does.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { bring, deviation, halve, moduli, ORIENTATIONS } from "../kernels/conv/gabor.ts";
import { type Backbone, checkImages, checkPooled } from "./backbone.ts";
import { meanPositions } from "./neck.ts";

/** Levels of the pyramid. */
export const LEVELS = 4;
/** The first of them, whose deviations are features too. */
export const DEVIATION_LEVELS = 2;
const COLOURS = 3;
const SECOND_ORDER = ORIENTATIONS * ORIENTATIONS; // channels of one pair of levels
const CHANNELS = {
  gabor: COLOURS + LEVELS * COLOURS * ORIENTATIONS + DEVIATION_LEVELS * COLOURS, // 81
  gabor2: 81 + LEVELS * (LEVELS - 1) / 2 * SECOND_ORDER, // 297
};
// Colours, each level's moduli, deviations; then by their finer level the pairs of levels.
const FIRST_ORDER = [COLOURS, ...Array(LEVELS).fill(COLOURS * ORIENTATIONS), DEVIATION_LEVELS * COLOURS];
const PAIRS = Array.from({ length: LEVELS - 1 }, (_, level) => (LEVELS - 1 - level) * SECOND_ORDER);
const LEVEL_CHANNELS: Record<"gabor" | "gabor2", readonly number[]> = {
  gabor: FIRST_ORDER,
  gabor2: [...FIRST_ORDER, ...PAIRS],
};
const LUMA = { take: ORIENTATIONS, of: COLOURS * ORIENTATIONS }; // of the moduli's planes
const ALGORITHM = 1; // raised whenever the numbers change
const CHUNK_BYTES = 64 << 20; // the largest intermediate tensor's share of memory

/** The built-in backbone of that name. */
export function gaborBackbone(name: "gabor" | "gabor2"): Backbone {
  const C = CHANNELS[name];
  return {
    name,
    channels: C,
    levelChannels: LEVEL_CHANNELS[name],
    pooledChannels: C,
    fingerprint: `${name}-${ALGORITHM}`,
    features(on, images, batch, S, H, W, pooled): Tensor {
      checkImages(images, batch, S);
      checkPooled(pooled, batch, C);
      const features = on.empty([batch, H * W, C], "features");
      const largest = COLOURS * 8 * S * S * 4; // bytes an image: the half-filtered planes of level 0
      const chunk = Math.max(1, Math.min(64, Math.floor(CHUNK_BYTES / largest)));
      for (let image = 0; image < batch; image += chunk) {
        const B = Math.min(chunk, batch - image);
        const part = images.subarray(image * S * S * 3, (image + B) * S * S * 3);
        extract(on, on.tensor(opponent(part, B, S * S), [B * COLOURS, S, S]), features, image, H, W);
      }
      if (pooled) meanPositions(on, features, pooled);
      return features;
    },
    [Symbol.dispose]() {},
  };
}

/** u8 RGB [B, pixels, 3] to the channels (R+G+B)/3, (R−G)/2, (R+G)/4 − B/2 of values in 0..1, as planes. */
function opponent(images: Uint8Array, B: number, pixels: number): Float32Array<ArrayBuffer> {
  const planes = new Float32Array(B * COLOURS * pixels);
  for (let b = 0, at = 0; b < B; b++) {
    const base = b * COLOURS * pixels;
    for (let i = base; i < base + pixels; i++, at += 3) {
      const red = images[at], green = images[at + 1], blue = images[at + 2];
      planes[i] = (red + green + blue) / (3 * 255);
      planes[i + pixels] = (red - green) / (2 * 255);
      planes[i + 2 * pixels] = (red + green - 2 * blue) / (4 * 255);
    }
  }
  return planes;
}

/**
 * Features of the images whose opponent planes [B · 3, S, S] are given, in docs/method.md's order. Releases the
 * planes.
 */
function extract(gpu: Compute, planes: Tensor, features: Tensor, image: number, H: number, W: number): void {
  const secondOrder = features.shape[2] > CHANNELS.gabor;
  const write = (x: Tensor, channel: number, planes: number, log: boolean) =>
    bring(gpu, x, features, { H, W, image, channel, planes, log });

  write(planes, 0, COLOURS, false);
  let second: number = CHANNELS.gabor; // where the next second-order channels go
  const pyramid = [planes]; // [B · 3, h, w] each
  while (pyramid.length < LEVELS) pyramid.push(halve(gpu, pyramid[pyramid.length - 1]));
  for (const [level, x] of pyramid.entries()) {
    const first = moduli(gpu, x); // [B · 3 · 6, h, w]
    write(first, COLOURS + level * COLOURS * ORIENTATIONS, COLOURS * ORIENTATIONS, true);
    if (level < DEVIATION_LEVELS) {
      const spread = deviation(gpu, x, H, W); // [B · 3, min(h, H), min(w, W)]
      write(spread, COLOURS + LEVELS * COLOURS * ORIENTATIONS + level * COLOURS, COLOURS, true);
      gpu.release(spread);
    }
    if (secondOrder) {
      // The luma's moduli, which come first of each image's, through the bank at every coarser level.
      let maps = first;
      for (let coarser = level + 1; coarser < LEVELS; coarser++, second += SECOND_ORDER) {
        const halved = halve(gpu, maps, maps === first ? LUMA : undefined); // [B · 6, h/2, w/2]
        gpu.release(maps);
        const again = moduli(gpu, halved); // [B · 6 · 6, h/2, w/2]
        write(again, second, SECOND_ORDER, true);
        gpu.release(again);
        maps = halved;
      }
      gpu.release(maps);
    } else {
      gpu.release(first);
    }
    gpu.release(x);
  }
}
