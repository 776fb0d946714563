/**
 * Host side of resize.wgsl: the backbone's taps into the feature map, and maps within networks.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { FloatTensor, FloatType, Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import { kernelTable } from "../generate.ts";
import source from "./resize.wgsl" with { type: "text" };

/** Where a resized map goes in a wider one: the first channel and the first image, 0 by default. */
export interface Place {
  channel?: number;
  image?: number;
}

/**
 * How values between pixels come about: bilinear, with the centres of the corners' pixels on each other (`aligned`) or the
 * corners themselves (`bilinear`), or from one pixel (`nearest`).
 */
export type Interpolation = "aligned" | "bilinear" | "nearest";

/**
 * Resizes x [B, h, w, C] into the channels from `channel` and the images from `image` on of y [images, H, W, wide]. With
 * aligned corners a source axis of one pixel is copied and a target axis of one pixel takes the first. A [B, h, w] map is x
 * with C = 1.
 *
 * @throws {RangeError} where y has no room for it
 */
export function resize(
  gpu: Compute,
  x: FloatTensor,
  y: Tensor,
  { channel = 0, image = 0 }: Place = {},
  how: Interpolation = "aligned",
): void {
  const [B, , , C = 1] = x.shape, [images, H, W, wide = 1] = y.shape;
  if (image + B > images || channel + C > wide) {
    throw new RangeError(
      `Expected room for [${x.shape}] from image ${image}, channel ${channel} on, but found [${y.shape}]`,
    );
  }
  const width = [C, wide, channel].every((n) => n % 4 === 0) ? 4 : 1;
  const params = { ...paramsOf(x, y, how, width), wide: wide / width, channel: channel / width, image };
  const grid = [Math.ceil(W * C / width / 64), H, B] as const;
  gpu.stream.dispatch(kernelOf("resize", width, false, x.dtype), { x, y }, params, grid);
}

/** The gradient of x [B, h, w, C] from that of the whole of y [B, H, W, C], written or added. */
export function resizeBackward(gpu: Compute, dy: Tensor, dx: Tensor, add: boolean, how: Interpolation): void {
  const [B, h, w, C] = dx.shape, width = C % 4 === 0 ? 4 : 1;
  const params = { ...paramsOf(dx, dy, how, width), wide: 0, channel: 0, image: 0 };
  const grid = [Math.ceil(w * C / width / 64), h, B] as const;
  gpu.stream.dispatch(kernelOf("gather", width, add, "f32"), { dy, dx }, params, grid);
}

const kernel = kernelTable();

function kernelOf(entry: string, width: 1 | 4, ADD: boolean, dtype: FloatType): Kernel {
  const name = `resize${width === 4 ? " vec4" : ""}`, constants = { ADD };
  return kernel(
    `${name} ${entry} ${ADD} ${dtype}`,
    () => ({ name, source: elementText(width, dtype) + source, entry, constants }),
  );
}

function paramsOf(x: FloatTensor, y: Tensor, how: Interpolation, width: number) {
  const [, inH, inW, C = 1] = x.shape, [, H, W] = y.shape, h = axis(inH, H, how), w = axis(inW, W, how);
  return {
    inH,
    inW,
    C: C / width,
    H,
    W,
    nearest: how === "nearest" ? 1 : 0,
    step_h: h.step,
    start_h: h.start,
    unit_h: h.unit,
    step_w: w.step,
    start_w: w.start,
    unit_w: w.unit,
  };
}

/** Pixel i of `to` lies at max(step · i + start, 0) / unit among `from`. */
function axis(from: number, to: number, how: Interpolation): { step: number; start: number; unit: number } {
  if (how === "aligned") return { step: from - 1, start: 0, unit: Math.max(to - 1, 1) };
  if (how === "nearest") return { step: from, start: 0, unit: to };
  return { step: 2 * from, start: from - to, unit: 2 * to }; // (i + ½) · from / to − ½
}
