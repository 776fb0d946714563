/**
 * What threads do with an image's bytes: decode them once, to the square that a model looks at and to the small picture that a
 * heat map is drawn on; and draw that.
 *
 * @module
 */
import type { FloatMap, Rect } from "../data/float_map.ts";
import { cutImage, type Extent, type Frame, type Piece } from "../data/frame.ts";
import { decodeImage, type Image } from "../data/image.ts";
import type { Preview } from "../data/images.ts";
import { mapWithin } from "../data/mask_cells.ts";
import { resizeImage, sidesWithin } from "../data/resize.ts";
import { heatmap } from "../report/heatmap.ts";
import { pngFile } from "./png_file.ts";

/** What pictures share: the range of their colours, and above what a pixel is anomalous, where that is known. */
export interface Shades {
  low: number;
  high: number;
  threshold?: number | null;
}

/** Longest side of a panel, pixels, unless the model looks at more; and at most, where it looks at tiles. */
const LONGEST = 256, MOST = 1024;

/** Longest side of a panel. @param S pixels a side that the model looks at */
export function longestSide(S: number, map: Extent): number {
  return Math.max(S, LONGEST, Math.min(Math.max(map.width, map.height), MOST));
}

/** @param S the least that its longer side has, pixels @param most what it has at most */
export function previewOf(whole: Image, S: number, most: number): Preview {
  const { width, height } = sidesWithin(whole, S, most);
  return {
    image: resizeImage(whole, width, height),
    whole: { width: whole.width, height: whole.height },
    most,
  };
}

/** Makes what is wanted of an image file. */
export interface LookJob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What errors call it. */
  readonly name: string;
  /** The square that is wanted; null for none. */
  readonly cut: { readonly frame: Frame; readonly piece: Piece } | null;
  /** Sides between which a preview's longer one lies; null where none is wanted. */
  readonly preview: readonly [least: number, most: number] | null;
}

/** What was wanted. */
export interface Looked {
  /** RGB [S, S, 3] */
  readonly pixels: Uint8Array | null;
  readonly preview: Preview | null;
}

/** Draws a picture. */
export interface DrawJob {
  /** What it is drawn on. */
  readonly preview: Preview;
  readonly map: FloatMap;
  /** What the map covers, pixels of the whole image; all of it by default. */
  readonly area?: Rect;
  /** The true defect, 0 or 1, as large as the map; null or none where it isn't known. */
  readonly truth?: Uint8Array | null;
  readonly shades: Shades;
}

/** @throws {InputError} where it is no image that can be read */
export async function look({ bytes, name, cut, preview }: LookJob): Promise<Looked> {
  const image = await decodeImage(bytes, name);
  return {
    pixels: cut && cutImage(image, cut.frame, cut.piece),
    preview: preview && previewOf(image, ...preview),
  };
}

/** A PNG file. */
export function draw(
  { preview: { image, whole, most }, map, area, truth, shades }: DrawJob,
): Uint8Array<ArrayBuffer> {
  const mask = truth ? { width: map.width, height: map.height, data: truth } : undefined;
  const scaled = area && scaledRect(area, image.width / whole.width, image.height / whole.height);
  return pngFile(heatmap({ image, map: mapWithin(map, most), area: scaled, mask, ...shades }));
}

function scaledRect({ x, y, width, height }: Rect, across: number, down: number): Rect {
  return { x: x * across, y: y * down, width: width * across, height: height * down };
}
