/**
 * Pictures that show where a model sees something wrong: an image, its heat map over it, the heat map alone and the
 * true defect, side by side. Plain RGB pixels, encoded elsewhere.
 *
 * @module
 */
import { type FloatMap, resizeMap } from "../data/float_map.ts";
import type { Image, Mask } from "../data/image.ts";
import { InputError } from "../errors.ts";
import { COLORMAP, COLORS } from "./colormap.ts";

/** Gap between panels, pixels. */
const GAP = 4;
const PAPER = 255;
/** How much of the image the strongest colour covers. */
const COVER = 0.9;
/** The line around a defect, and the one outside it that keeps it visible on any image. */
const LINE = [0, 255, 140], RIM = [0, 0, 0];

/** What `heatmap` draws. */
export interface HeatmapInput {
  /** What was scored. */
  image: Image;
  /** Anomaly scores, enlarged or made smaller to the image's size where they have another. */
  map: FloatMap;
  /** The score at and below which there is no colour; the same for all pictures that are to be compared. */
  low: number;
  /** The score from which on the colour is the strongest. */
  high: number;
  /** The true defect, if known; may be empty. Adds a fourth panel. */
  mask?: Mask;
}

/**
 * Panels from left to right: image, image under the heat map (clear where scores are low), heat map, and with a
 * mask the image with the defect's outline.
 *
 * @returns height as the image, width 3 or 4 times the image's and the gaps
 * @throws {RangeError} if the mask has another size than the image
 */
export function heatmap({ image, map, low, high, mask }: HeatmapInput): Image {
  const { width, height } = image;
  const strength = resizeMap(map, width, height).data
    .map((score) => Math.min(Math.max((score - low) / (high - low || 1), 0), 1));
  const panels = [image, overlay(image, strength), colored(strength, width, height)];
  if (mask) panels.push(outlined(image, mask));
  return strip(panels);
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

/** The image with a line along the inner border of the mask, and a rim along its outer border. */
function outlined(image: Image, mask: Mask): Image {
  const { width, height } = image;
  if (mask.width !== width || mask.height !== height) {
    throw new RangeError(
      `Expected a mask of ${width}×${height} pixels, but found ${mask.width}×${mask.height}`,
    );
  }
  const data = image.data.slice();
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const inside = mask.data[i] > 0;
      const differs = (dx: number, dy: number): boolean =>
        x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height &&
        (mask.data[i + dy * width + dx] > 0) !== inside;
      if (differs(-1, 0) || differs(1, 0) || differs(0, -1) || differs(0, 1)) {
        data.set(inside ? LINE : RIM, i * 3);
      }
    }
  }
  return { width, height, data };
}

function blank(width: number, height: number): Image {
  return { width, height, data: new Uint8Array(width * height * 3).fill(PAPER) };
}
