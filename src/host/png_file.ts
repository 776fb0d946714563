/**
 * PNG files of pictures that are looked at, made by the system's zlib in less than half of the time that the encoder in JavaScript
 * takes (data/png.ts, which browsers have too), and smaller: each byte is stored as its difference to the one above.
 *
 * @module
 */
import { deflateSync } from "node:zlib";
import type { Image } from "../data/image.ts";
import { pngOf } from "../data/png.ts";

/** PNG's filter that takes the byte above away; the colour type of three colours. */
const UP = 2, RGB = 2;
/** zlib's effort: of heat maps level 6 takes a quarter more time and makes the same size, level 1 a third and half as large again. */
const LEVEL = 3;

/** An RGB PNG file. */
export function pngFile({ width, height, data }: Image): Uint8Array<ArrayBuffer> {
  const bytes = 3 * width, rows = new Uint8Array(height * (1 + bytes));
  for (let y = 0, to = 0, at = 0; y < height; y++) {
    rows[to++] = UP;
    for (const end = at + bytes; at < end; at++) rows[to++] = y > 0 ? data[at] - data[at - bytes] : data[at];
  }
  return pngOf({ width, height, depth: 8, color: RGB }, deflateSync(rows, { level: LEVEL }));
}
