/**
 * Regions of interest: what of an image is looked at, as a text that a setting, a config file and a model file hold.
 *
 *     none
 *     x,y,w,h                  a rectangle, each a whole number of pixels, or a share of the image as in 12.5%
 *     mask 640x480: 31,5,…     a mask's pixels row after row: how many are not looked at, how many are, and so on in turn
 *
 * A mask is laid over images of any size.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { Rect } from "./float_map.ts";
import type { Mask } from "./image.ts";

/** A length, in pixels or in percent of the image's side. */
export interface Length {
  /** Pixels, or percent. */
  readonly value: number;
  /** Whether it is in percent. */
  readonly isShare: boolean;
}

/** What of an image is looked at: a rectangle, or the pixels of a mask that are 1. */
export type RegionOfInterest =
  | Readonly<Record<"x" | "y" | "width" | "height", Length>>
  | MaskOfInterest;

/** A mask, laid over an image of any size. */
export interface MaskOfInterest {
  /** 1 where it is looked at. */
  readonly mask: Mask;
  /** What holds all of its pixels that are 1. */
  readonly bounds: Rect;
  /** The setting. */
  readonly text: string;
}

/** What the setting can be, in words. */
export const ROI_EXPECTED =
  "none, x,y,w,h in pixels or percent (as 10%,10%,80%,80%) with w and h above 0 and within 100%, or a mask that is white somewhere";

/** The text for no region: all of an image is looked at. */
export const NO_ROI = "none";
const MOST_PIXELS = 2 ** 26;

/** Reads the setting's text; null for all of an image, undefined where it is something else. */
export function readRoi(text: string): RegionOfInterest | null | undefined {
  if (text === NO_ROI) return null;
  const mask = /^mask (\d{1,5})x(\d{1,5}): ([\d,]+)$/.exec(text);
  return mask ? readMask(text, +mask[1], +mask[2], mask[3]) : readRectangle(text);
}

function readRectangle(text: string): RegionOfInterest | undefined {
  const parts = text.split(",").map((part) => /^\s*(\d+|\d*\.?\d+(?=%))(%?)\s*$/.exec(part));
  if (parts.length !== 4 || parts.includes(null)) return undefined;
  const [x, y, width, height] = parts.map((part) => ({ value: Number(part![1]), isShare: part![2] === "%" }));
  if (width.value === 0 || height.value === 0) return undefined;
  for (const [begin, length] of [[x, width], [y, height]]) {
    if ((begin.isShare && begin.value >= 100) || (length.isShare && length.value > 100)) return undefined;
    if (begin.isShare && length.isShare && begin.value + length.value > 100 + 1e-9) return undefined;
  }
  return { x, y, width, height };
}

function readMask(text: string, width: number, height: number, runs: string): MaskOfInterest | undefined {
  if (width * height === 0 || width * height > MOST_PIXELS) return undefined;
  const data = new Uint8Array(width * height);
  let at = 0, isOn = false;
  for (const run of runs.split(",")) {
    const end = at + Number(run);
    if (run === "" || end > data.length) return undefined;
    if (isOn) data.fill(1, at, end);
    [at, isOn] = [end, !isOn];
  }
  const mask = { width, height, data };
  return at === data.length && data.includes(1) ? { mask, bounds: boundsOfMask(mask), text } : undefined;
}

/** What holds all pixels of a mask that are 1. */
function boundsOfMask({ width, height, data }: Mask): Rect {
  let x = width, y = height, right = 0, bottom = 0;
  for (let row = 0; row < height; row++) {
    const line = data.subarray(row * width, (row + 1) * width), first = line.indexOf(1);
    if (first < 0) continue;
    [x, right] = [Math.min(x, first), Math.max(right, line.lastIndexOf(1) + 1)];
    [y, bottom] = [Math.min(y, row), row + 1];
  }
  return { x, y, width: right - x, height: bottom - y };
}

/**
 * The setting's text for a mask.
 *
 * @param mask 1 where it is looked at, 0 elsewhere; what it is called in errors
 * @throws {InputError} where it is 0 throughout
 */
export function roiOfMask({ width, height, data }: Mask, name = "the region of interest"): string {
  if (!data.some((on) => on > 0)) {
    throw new InputError(`Expected ${name} to be white where images are looked at, but found it all black`);
  }
  const runs: number[] = [];
  let isOn = false, begin = 0;
  for (let i = 0; i <= data.length; i++) {
    if (i < data.length && data[i] > 0 === isOn) continue;
    runs.push(i - begin);
    [begin, isOn] = [i, !isOn];
  }
  return `mask ${width}x${height}: ${runs.join(",")}`;
}

/** The setting in a few words, for people. */
export function describeRoi(text: string): string {
  return text.split(":")[0];
}

/**
 * The rectangle of an image that holds the region: itself, or what bounds the mask's pixels.
 *
 * @param name what errors call the image
 * @throws {InputError} where it does not lie in the image
 */
export function boundsOf(
  roi: RegionOfInterest | null,
  { width, height }: Pick<Rect, "width" | "height">,
  name: string,
): Rect {
  if (roi === null) return { x: 0, y: 0, width, height };
  const [x, right] = "mask" in roi
    ? covering(roi.bounds.x, roi.bounds.width, roi.mask.width, width)
    : side(roi.x, roi.width, width);
  const [y, bottom] = "mask" in roi
    ? covering(roi.bounds.y, roi.bounds.height, roi.mask.height, height)
    : side(roi.y, roi.height, height);
  if (right > width || bottom > height) {
    throw new InputError(
      `Expected a region of interest within ${name}, ${width}×${height} pixels, ` +
        `but found one from ${x},${y} to ${right},${bottom}. In percent, it fits images of any size.`,
    );
  }
  return { x, y, width: right - x, height: bottom - y };
}

/** Begin and end along an axis of `size` pixels; never empty. */
function side(begin: Length, length: Length, size: number): [number, number] {
  const at = ({ value, isShare }: Length): number => isShare ? value / 100 * size : value;
  const first = Math.min(Math.round(at(begin)), begin.isShare ? size - 1 : Infinity);
  const end = Math.max(Math.round(at(begin) + at(length)), first + 1);
  return [first, length.isShare && begin.isShare ? Math.min(end, size) : end];
}

/** What covers as much of an axis of `size` pixels as a part of a mask does of its `all`. Products of whole numbers are exact. */
function covering(begin: number, length: number, all: number, size: number): [number, number] {
  return [Math.floor(begin * size / all), Math.ceil((begin + length) * size / all)];
}
