/**
 * Resizing of images and masks, bit for bit as Pillow's `Image.resize` with `BILINEAR` and `NEAREST` does it, so that
 * features are the same as those of a Python program.
 *
 * @module
 */
import type { Image, Mask } from "./image.ts";

/** Weights are whole numbers of 1/2^22: 32 bits less 8 for a byte and 2 for overshoot (Pillow's PRECISION_BITS). */
const ONE = 2 ** 22, SHIFT = 22;

/** One axis' weights: output i is the sum of `count[i]` inputs from `first[i]` on, weighted by `weights[i·taps…]`. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly taps: number;
}

/** The triangle filter, widened by the scale when shrinking (antialias); its part beyond the border is cut off. */
function triangle(from: number, to: number): Taps {
  const scale = from / to, radius = Math.max(scale, 1), taps = 2 * Math.ceil(radius) + 1;
  const first = new Int32Array(to), count = new Int32Array(to), weights = new Int32Array(to * taps);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const low = Math.max(Math.trunc(center - radius + 0.5), 0);
    const high = Math.min(Math.trunc(center + radius + 0.5), from);
    const row = Array.from(
      { length: high - low },
      (_, k) => Math.max(1 - Math.abs((k + low - center + 0.5) * (1 / radius)), 0),
    );
    const sum = row.reduce((total, w) => total + w, 0);
    first[i] = low;
    count[i] = high - low;
    row.forEach((w, k) => weights[i * taps + k] = Math.trunc(w / sum * ONE + 0.5));
  }
  return { first, count, weights, taps };
}

/** Along rows, rounded to bytes: [rows, inputs, 3] to [rows, outputs, 3]. A sum of each colour in a register. */
function passAcross(
  input: Uint8Array,
  { first, count, weights, taps }: Taps,
  rows: number,
  inputs: number,
): Uint8Array {
  const outputs = first.length, out = new Uint8Array(rows * outputs * 3);
  for (let r = 0, to = 0; r < rows; r++) {
    for (let i = 0; i < outputs; i++, to += 3) {
      let red = ONE / 2, green = red, blue = red, from = (r * inputs + first[i]) * 3;
      for (let k = i * taps, end = k + count[i]; k < end; k++, from += 3) {
        const weight = weights[k];
        red += Math.imul(weight, input[from]);
        green += Math.imul(weight, input[from + 1]);
        blue += Math.imul(weight, input[from + 2]);
      }
      out[to] = red >> SHIFT; // weights are positive and add up to one: never outside of a byte
      out[to + 1] = green >> SHIFT;
      out[to + 2] = blue >> SHIFT;
    }
  }
  return out;
}

/** Down columns, rounded to bytes: [inputs, width] to [outputs, width]. Whole rows are added up, in the order they lie in. */
function passDown(input: Uint8Array, { first, count, weights, taps }: Taps, width: number): Uint8Array {
  const outputs = first.length, out = new Uint8Array(outputs * width), sums = new Int32Array(width);
  for (let i = 0; i < outputs; i++) {
    sums.fill(ONE / 2);
    for (let k = 0; k < count[i]; k++) {
      const weight = weights[i * taps + k], from = (first[i] + k) * width;
      for (let c = 0; c < width; c++) sums[c] += Math.imul(weight, input[from + c]);
    }
    for (let c = 0, to = i * width; c < width; c++) out[to + c] = sums[c] >> SHIFT;
  }
  return out;
}

/**
 * An image at S×S: a triangle filter with antialias, along rows first, rounded to bytes after each pass; an axis that
 * has the size already is left alone (Pillow's `Image.resize((S, S), Image.BILINEAR)`).
 *
 * @returns RGB bytes [S, S, 3]
 */
export function resizeBilinear(image: Image, S: number): Uint8Array {
  const { data } = resizeImage(image, S, S);
  return data === image.data ? data.slice() : data;
}

/** As `resizeBilinear`, of any size; of an image that has it already the pixels are the same array. */
export function resizeImage(image: Image, width: number, height: number): Image {
  const wide = image.width === width
    ? image.data
    : passAcross(image.data, triangle(image.width, width), image.height, image.width);
  const data = image.height === height ? wide : passDown(wide, triangle(image.height, height), 3 * width);
  return { width, height, data };
}

/** Sides in proportion, the longer one between two bounds, both at least a pixel. */
export function sidesWithin(
  { width, height }: { width: number; height: number },
  least: number,
  most: number,
): { width: number; height: number } {
  const longest = Math.max(width, height), scale = Math.min(Math.max(longest, least), most) / longest;
  const scaled = (side: number): number => Math.max(Math.round(side * scale), 1);
  return { width: scaled(width), height: scaled(height) };
}

/**
 * A mask at S×S: the nearest pixel (Pillow's `Image.resize((S, S), Image.NEAREST)`, which adds up its steps).
 *
 * @returns 0 or 1, [S, S]
 */
export function resizeNearest(mask: Mask, S: number): Uint8Array {
  return resizeMask(mask, S, S).data;
}

/** As `resizeNearest`, of any size. */
export function resizeMask(mask: Mask, width: number, height: number): Mask {
  const columns = nearest(mask.width, width), data = new Uint8Array(width * height);
  nearest(mask.height, height).forEach((row, y) => {
    for (let x = 0; x < width; x++) data[y * width + x] = mask.data[row * mask.width + columns[x]];
  });
  return { width, height, data };
}

function nearest(from: number, to: number): Int32Array {
  const step = from / to, out = new Int32Array(to);
  for (let i = 0, at = step / 2; i < to; i++, at += step) out[i] = at;
  return out;
}
