/**
 * Pictures that show where a model sees something wrong: an image, its heat map over it with the outline of what is above the
 * threshold, the heat map alone and the true defect, side by side. Plain RGB pixels, encoded elsewhere.
 *
 * @module
 */
import { type FloatMap, type Rect, resizeMap } from "../data/float_map.ts";
import type { Image, Mask } from "../data/image.ts";
import { resizeMask } from "../data/resize.ts";
import { InputError } from "../errors.ts";
import { COLORMAP, COLORS } from "./colormap.ts";

/** Gap between panels, pixels. */
const GAP = 4;
const PAPER = 255;
/** How much of the image the strongest colour covers. */
const COVER = 0.9;
/** The lines around a true defect and around what is called one, and the one outside that keeps them visible on any image. */
const TRUE_LINE = [0, 255, 140], FOUND_LINE = [255, 255, 255], RIM = [0, 0, 0];

/** What `heatmap` draws. */
export interface HeatmapInput {
  /** What was scored. */
  image: Image;
  /** Anomaly scores, of any size. */
  map: FloatMap;
  /** What the map covers, pixels of the image; the whole image by default. */
  area?: Rect;
  /** The score at and below which there is no colour; the same for all pictures that are to be compared. */
  low: number;
  /** The score from which on the colour is the strongest. */
  high: number;
  /** The score above which a pixel is anomalous; null or none where it isn't known. */
  threshold?: number | null;
  /** The true defect, if known; may be empty. Of any size; covers what the map does. Adds a fourth panel. */
  mask?: Mask;
}

/**
 * Panels from left to right: image, image under the heat map (clear where scores are low) with an outline of what is above the
 * threshold, heat map, and with a mask the image with the true defect's outline.
 *
 * @returns height as the image, width 3 or 4 times the image's and the gaps
 */
export function heatmap({ image, map, area, low, high, threshold = null, mask }: HeatmapInput): Image {
  const { width, height } = image,
    { x, y, ...sides } = inPixels(area ?? { x: 0, y: 0, width, height }, image);
  /** Values of the area as those of the image. */
  const placed = <T extends Float32Array | Uint8Array>(whole: T, values: T): T => {
    for (let row = 0; row < sides.height; row++) {
      whole.set(values.subarray(row * sides.width, (row + 1) * sides.width), (y + row) * width + x);
    }
    return whole;
  };
  const scores = placed(
    new Float32Array(width * height).fill(-Infinity),
    resizeMap(map, sides.width, sides.height).data,
  );
  const strength = scores.map((score) => Math.min(Math.max((score - low) / (high - low || 1), 0), 1));
  const found = new Uint8Array(scores.length); // Uint8Array.from takes 0.3 s a million values, this 5 ms (Deno 2.9, 2026-11)
  for (let i = 0; threshold !== null && i < found.length; i++) found[i] = Number(scores[i] > threshold);
  const over = overlay(image, strength);
  const panels = [image, outlined(over, found, FOUND_LINE), colored(strength, width, height)];
  if (mask) {
    const truth = placed(new Uint8Array(width * height), resizeMask(mask, sides.width, sides.height).data);
    panels.push(outlined(image, truth, TRUE_LINE));
  }
  return strip(panels);
}

/** A rectangle with whole edges within an image, at least a pixel wide and high. */
function inPixels(area: Rect, image: Image): Rect {
  const edges = (from: number, length: number, side: number): [from: number, length: number] => {
    const start = Math.min(Math.max(Math.round(from), 0), side - 1);
    return [start, Math.max(Math.min(Math.round(from + length), side) - start, 1)];
  };
  const [x, width] = edges(area.x, area.width, image.width);
  const [y, height] = edges(area.y, area.height, image.height);
  return { x, y, width, height };
}

/**
 * The colour range that the pictures of a category share: from the median of all scores, so that half of all pixels
 * stay clear, to their 99.9 % quantile, so that one extreme pixel doesn't dim the rest.
 *
 * @param maps scores of any number of maps, [n, height, width]
 * @throws {InputError} if there are none, or NaN among them
 */
export function sharedRange(maps: Float32Array): { low: number; high: number } {
  const sorted = maps.toSorted(); // NaN last
  const last = sorted.length - 1;
  if (!(sorted[last] <= Infinity)) {
    throw new InputError(`Expected scores to draw, but found ${last < 0 ? "none" : "NaN among them"}`);
  }
  return { low: sorted[Math.round(0.5 * last)], high: sorted[Math.round(0.999 * last)] };
}

/** Values that a range is taken from; more would only take longer. */
const SAMPLED = 2 ** 20;

/** The range of colours of maps that come one after another: of evenly spaced values of all of them. */
export class RangeSample {
  readonly #stride: number;
  readonly #values: Float32Array;
  #taken = 0;
  #seen = 0;

  /** @param total number of values in all maps */
  constructor(total: number) {
    this.#stride = Math.max(Math.ceil(total / SAMPLED), 1);
    this.#values = new Float32Array(Math.ceil(total / this.#stride));
  }

  /** The next map; nothing of it is kept. */
  add(map: Float32Array): void {
    for (let at; (at = this.#taken * this.#stride - this.#seen) < map.length; this.#taken++) {
      this.#values[this.#taken] = map[at];
    }
    this.#seen += map.length;
  }

  /** Of all maps, when they have come. @throws {InputError} as `sharedRange` */
  range(): { low: number; high: number } {
    return sharedRange(this.#values);
  }
}

/** Panels of one size side by side. */
function strip(panels: Image[]): Image {
  const { width, height } = panels[0], whole = blank(panels.length * (width + GAP) - GAP, height);
  panels.forEach(({ data }, k) => {
    for (let y = 0; y < height; y++) {
      const row = data.subarray(y * width * 3, (y + 1) * width * 3);
      whole.data.set(row, (y * whole.width + k * (width + GAP)) * 3);
    }
  });
  return whole;
}

/** The image under the heat map's colours. A smooth step keeps weak scores clear and strong ones covered. */
function overlay(image: Image, strength: Float32Array): Image {
  const { width, height, data } = image;
  const panel = blank(width, height);
  for (let i = 0; i < strength.length; i++) {
    const t = strength[i], cover = COVER * t * t * (3 - 2 * t), color = colorAt(t);
    for (let c = 0; c < 3; c++) {
      const byte = data[i * 3 + c];
      panel.data[i * 3 + c] = Math.round(byte + cover * (COLORMAP[color + c] - byte));
    }
  }
  return panel;
}

/** The heat map alone. */
function colored(strength: Float32Array, width: number, height: number): Image {
  const panel = blank(width, height);
  for (let i = 0; i < strength.length; i++) {
    for (let c = 0, color = colorAt(strength[i]); c < 3; c++) panel.data[i * 3 + c] = COLORMAP[color + c];
  }
  return panel;
}

/** Where in `COLORMAP` a strength's colour starts. */
function colorAt(strength: number): number {
  return Math.round(strength * (COLORS - 1)) * 3;
}

/** The image with a line along the inner border of what is marked, and a rim along its outer border. */
function outlined(image: Image, mask: Uint8Array, line: readonly number[]): Image {
  const { width, height } = image;
  const data = image.data.slice();
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const inside = mask[i] > 0;
      const differs = x > 0 && mask[i - 1] > 0 !== inside || x + 1 < width && mask[i + 1] > 0 !== inside ||
        y > 0 && mask[i - width] > 0 !== inside || y + 1 < height && mask[i + width] > 0 !== inside;
      if (differs) {
        data.set(inside ? line : RIM, i * 3);
      }
    }
  }
  return { width, height, data };
}

function blank(width: number, height: number): Image {
  return { width, height, data: new Uint8Array(width * height * 3).fill(PAPER) };
}
