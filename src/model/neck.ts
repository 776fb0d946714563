/**
 * The neck (docs/method.md §2): taps of a network are resized to one size and their channels are joined, low level
 * first; and some levels' means over positions.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { FloatTensor, FloatType, Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import { resize } from "../kernels/conv/resize.ts";

/** A network whose feature levels can be tapped. */
export interface TappedNetwork extends Disposable {
  /** Channels of each level, low level first. */
  readonly channels: readonly number[];
  /** Channels of its images; what is behind red, green and blue is zeros. */
  readonly inputs: number;
  /** As what its maps, and so its images, lie in memory. */
  readonly dtype: FloatType;
  /** Values of the largest map on the way, for one image of side S. */
  largestMap(S: number): number;
  /** Every level's output [B, h, w, c] of images [B, S, S, inputs], each to be read before the next one is asked for. */
  taps(on: Compute, images: FloatTensor): Iterable<FloatTensor>;
}

/** What to make of taps, and where it goes. */
export interface Neck {
  /** The levels to take, from 1 on, rising. */
  levels: readonly number[];
  /** [images, H, W, C], where C is the sum of the taken levels' channels. */
  features: Tensor;
  /** The levels whose means over positions are wanted, from 1 on, rising. */
  pooledLevels: readonly number[];
  /** [images, P], where P is the sum of those levels' channels; needed where there are any. */
  pooled?: Tensor;
  /** The first of the images there that are those of the taps. */
  image: number;
}

/** Writes features, and means where they are wanted. Of the network only what that takes is computed. */
export function neck(on: Compute, network: TappedNetwork, images: FloatTensor, to: Neck): void {
  const { levels, features, pooledLevels, pooled, image } = to;
  const needed = Math.max(...levels, ...pooled ? pooledLevels : []);
  let level = 0, channel = 0, mean = 0;
  for (const tap of network.taps(on, images)) {
    level++;
    if (levels.includes(level)) {
      resize(on, tap, features, { channel, image });
      channel += tap.shape[3];
    }
    if (pooled && pooledLevels.includes(level)) {
      meanPositions(on, tap, pooled, { image, channel: mean });
      mean += tap.shape[3];
    }
    if (level === needed) break;
  }
}

/** Writes means over positions of x [B, …, C] into y [images, P], from an image and a channel on. */
export function meanPositions(on: Compute, x: FloatTensor, y: Tensor, { image = 0, channel = 0 } = {}): void {
  const B = x.shape[0], C = x.shape[x.shape.length - 1], rows = x.size / B / C;
  for (let b = 0; b < B; b++) {
    sumColumns(on, x, y, {
      rows,
      columns: C,
      first: b * rows * C,
      offset: (image + b) * y.shape[1] + channel,
      scale: 1 / rows,
    });
  }
}
