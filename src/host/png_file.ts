/**
 * PNG files of pictures that are looked at, made by the system's zlib in less than half of the time that the encoder in JavaScript
 * takes (data/png.ts, which browsers have too), and smaller: each byte is stored as its difference to the one above.
 *
 * @module
 */
import { crc32, deflateSync } from "node:zlib";
import type { Image } from "../data/image.ts";
import { join } from "../data/samples.ts";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);
/** PNG's filter that takes the byte above away; the colour type of three colours. */
const UP = 2, RGB = 2;
/** zlib's effort: of heat maps level 6 takes a quarter more time and makes the same size, level 1 a third and half as large again. */
const LEVEL = 3;

/** An RGB PNG file. */
export function pngFile({ width, height, data }: Image): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13), view = new DataView(header.buffer), bytes = 3 * width;
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, RGB, 0, 0, 0], 8); // 8 bits a sample; nothing interlaced
  const rows = new Uint8Array(height * (1 + bytes));
  for (let y = 0, to = 0, at = 0; y < height; y++) {
    rows[to++] = UP;
    for (const end = at + bytes; at < end; at++) rows[to++] = y > 0 ? data[at] - data[at - bytes] : data[at];
  }
  const chunks = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows, { level: LEVEL })), chunk("IEND")];
  return join([SIGNATURE, ...chunks]);
}

/** Length, name, content, checksum of the two. */
function chunk(name: string, content: Uint8Array = new Uint8Array()): Uint8Array {
  const whole = new Uint8Array(12 + content.length), view = new DataView(whole.buffer);
  view.setUint32(0, content.length);
  whole.set(new TextEncoder().encode(name), 4);
  whole.set(content, 8);
  view.setUint32(8 + content.length, crc32(whole.subarray(4, 8 + content.length)));
  return whole;
}
