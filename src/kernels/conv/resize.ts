/**
 * Host side of resize.wgsl: bilinear interpolation with aligned corners, of the backbone's taps into the feature
 * map and of score maps to the image's size.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./resize.wgsl" with { type: "text" };

const RESIZE = { name: "resize", source, entry: "resize" };

/** Where a resized map goes in a wider one: the first channel and the first image, 0 by default. */
export interface Place {
  channel?: number;
  image?: number;
}

/**
 * Resizes x [B, h, w, C] into the channels from `channel` and the images from `image` on of y [images, H, W, wide].
 * A source axis of one pixel is copied; a target axis of one pixel takes the first. A [B, h, w] map is x with C = 1.
 *
 * @throws {RangeError} where y has no room for it
 */
export function resize(gpu: Compute, x: Tensor, y: Tensor, { channel = 0, image = 0 }: Place = {}): void {
  const [B, inH, inW, C = 1] = x.shape;
  const [images, H, W, wide = 1] = y.shape;
  if (image + B > images || channel + C > wide) {
    throw new RangeError(
      `Expected room for [${x.shape}] from image ${image}, channel ${channel} on, but found [${y.shape}]`,
    );
  }
  const params = { inH, inW, C, H, W, wide, channel, image };
  gpu.stream.dispatch(RESIZE, { x, y }, params, [Math.ceil(W * C / 64), H, B]);
}
