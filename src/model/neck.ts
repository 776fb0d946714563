/**
 * The neck (docs/method.md §2): taps of a network are resized to one size and their channels are joined, low level
 * first; and the last level's means over positions.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import { resize } from "../kernels/conv/resize.ts";

/** A network whose feature levels can be tapped. */
export interface TappedNetwork {
  /** Channels of each level, low level first. */
  readonly channels: readonly number[];
  /** Channels of its images; what is behind red, green and blue is zeros. */
  readonly inputs: number;
  /** Bytes of the largest map on the way, for one image of side S. */
  largestMap(S: number): number;
  /** Every level's output [B, h, w, c] of images [B, S, S, inputs], each to be read before the next one is asked for. */
  taps(images: Tensor): Iterable<Tensor>;
}

/** What to make of taps, and where it goes. */
export interface Neck {
  /** The levels to take, from 1 on, rising. */
  levels: readonly number[];
  /** [images, H, W, C], where C is the sum of the taken levels' channels. */
  features: Tensor;
  /** [images, c]: gets means of the network's last level, taken or not. */
  pooled?: Tensor;
  /** The first of the images there that are those of the taps. */
  image: number;
}

/** Writes features, and means where they are wanted. Of the network only what that takes is computed. */
export function neck(gpu: Gpu, network: TappedNetwork, images: Tensor, to: Neck): void {
  const { levels, features, pooled, image } = to;
  const last = network.channels.length, needed = pooled ? last : levels[levels.length - 1];
  let level = 0, channel = 0;
  for (const tap of network.taps(images)) {
    level++;
    if (levels.includes(level)) {
      resize(gpu, tap, features, { channel, image });
      channel += tap.shape[3];
    }
    if (pooled && level === last) meanPositions(gpu, tap, pooled, image);
    if (level === needed) break;
  }
}

/** Writes means over positions of x [B, …, C] into the rows from `image` on of y [images, C]. */
export function meanPositions(gpu: Gpu, x: Tensor, y: Tensor, image = 0): void {
  const B = x.shape[0], C = x.shape[x.shape.length - 1], rows = x.size / B / C;
  for (let b = 0; b < B; b++) {
    sumColumns(gpu, x, y, {
      rows,
      columns: C,
      first: b * rows * C,
      offset: (image + b) * C,
      scale: 1 / rows,
    });
  }
}
