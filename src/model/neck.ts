/**
 * The neck (docs/method.md §2): every tap of the backbone is resized to one size and the channels are joined, low
 * level first.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { resize } from "../kernels/resize.ts";

/**
 * Writes taps [B, h, w, c] of falling size into the images from `image` on of features [images, H, W, C], where C
 * is the sum of all c. Each tap is read before the next one is asked for.
 */
export function neck(gpu: Gpu, taps: Iterable<Tensor>, features: Tensor, image: number): void {
  let channel = 0;
  for (const tap of taps) {
    resize(gpu, tap, features, { channel, image });
    channel += tap.shape[3];
  }
}
