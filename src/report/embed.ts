/**
 * Pictures that are part of a page: the image as a small JPEG, its map and the true defect as grey PNGs, which the page colours
 * and outlines itself. No side is over 256 pixels, so 200 of them stay within some megabytes.
 *
 * @module
 */
import loadEncoder, { type MozJPEGModule } from "npm:@jsquash/jpeg@^1.6.0/codec/enc/mozjpeg_enc.js";
import type { FloatMap, Rect } from "../data/float_map.ts";
import { encodeGreyPng, type Image, type Mask } from "../data/image.ts";
import { mapWithin } from "../data/mask_cells.ts";
import { resizeImage, sidesWithin } from "../data/resize.ts";

/** An image and what is known of where it is anomalous. */
export interface PictureInput {
  /** As it was given. */
  image: Image;
  /** Null from a method that has none. */
  map: FloatMap | null;
  /** What of the image the map covers. */
  area: Rect;
  /** The true defect, of any size; null where it isn't known. */
  mask: Mask | null;
  /** Boxes around what is above the pixel threshold, pixels of the image. */
  boxes: readonly Rect[];
}

/** A picture as a page holds it; addresses are `data:` URLs. */
export interface Picture {
  /** Of the image that was given, pixels. */
  width: number;
  height: number;
  image: string;
  /** Grey 0 stands for `low`, 255 for `high`. */
  map: { src: string; low: number; high: number } | null;
  area: Rect;
  /** White where it is anomalous; null where that isn't known, or it is so nowhere. */
  mask: string | null;
  boxes: readonly Rect[];
}

/** Longest side of what is embedded, pixels. */
const LONGEST = 256;
const QUALITY = 82;

/** Makes a picture part of a page. */
export async function embed({ image, map, area, mask, boxes }: PictureInput): Promise<Picture> {
  const { width, height } = image, small = sidesWithin(image, 1, LONGEST);
  return {
    width,
    height,
    image: dataUrl("image/jpeg", await encodeJpeg(resizeImage(image, small.width, small.height))),
    map: map && embedMap(map),
    area,
    mask: mask?.data.includes(1)
      ? greyUrl(mapWithin({ ...mask, data: mask.data.map((on) => 255 * on) }, LONGEST))
      : null,
    boxes,
  };
}

function embedMap(map: FloatMap): Picture["map"] {
  const { width, height, data } = mapWithin(map, LONGEST);
  const low = data.reduce((a, b) => Math.min(a, b)), high = data.reduce((a, b) => Math.max(a, b));
  const grey = Uint8Array.from(data, (value) => Math.round(255 * (value - low) / (high - low || 1)));
  return { src: greyUrl({ width, height, data: grey }), low, high };
}

let encoder: Promise<MozJPEGModule> | undefined;

/** A progressive JPEG by MozJPEG, with halved colour. */
async function encodeJpeg({ width, height, data }: Image): Promise<Uint8Array> {
  const { encode } = await (encoder ??= loadEncoder({ noInitialRun: true }));
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    for (let c = 0; c < 3; c++) rgba[to + c] = data[from + c];
  }
  return encode(rgba, width, height, {
    quality: QUALITY,
    baseline: false,
    arithmetic: false,
    progressive: true,
    optimize_coding: true,
    smoothing: 0,
    color_space: 3, // YCbCr
    quant_table: 3, // MozJPEG's own
    trellis_multipass: false,
    trellis_opt_zero: false,
    trellis_opt_table: false,
    trellis_loops: 1,
    auto_subsample: false,
    chroma_subsample: 2,
    separate_chroma_quality: false,
    chroma_quality: QUALITY,
  });
}

function greyUrl(mask: Mask): string {
  return dataUrl("image/png", encodeGreyPng(mask));
}

function dataUrl(type: string, bytes: Uint8Array): string {
  return `data:${type};base64,${bytes.toBase64()}`;
}
