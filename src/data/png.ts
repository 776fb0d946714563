/**
 * PNG: 1 to 16 bits, grey, palette, colour, alpha, interlaced from 8 bits on. The chunks are walked here first, so that
 * a file that is cut off, animated, or declares more pixels than it can hold is refused before anything is allocated.
 *
 * @module
 */
import { decode, encode } from "npm:fast-png@^8.0.0";
import { lookUp, type Opened, type Samples, unexpected, unpackBits } from "./samples.ts";

/** Samples a pixel by colour type. */
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const PALETTE = 3;
/** Deflate can't shrink anything further than this. */
const MAX_RATIO = 1032;

/** Reads the chunks' headers of a file that starts as a PNG. */
export function openPng(bytes: Uint8Array): Opened {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 8, compressed = 0, type = "";
  while (type !== "IEND") {
    if (at + 12 > bytes.length) unexpected("a whole file", `one that ends after ${bytes.length} bytes`);
    const length = view.getUint32(at);
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at === 8 && (type !== "IHDR" || length !== 13)) unexpected("a header first", `"${type}"`);
    if (type === "acTL") unexpected("a still picture", "an animated one");
    if (type === "IDAT") compressed += length;
    at += 12 + length;
    if (at > bytes.length) unexpected("a whole file", `one that ends after ${bytes.length} bytes`);
  }
  const width = view.getUint32(16), height = view.getUint32(20);
  const depth = bytes[24], color = bytes[25], interlaced = bytes[28] !== 0;
  const channels = CHANNELS[color] ?? unexpected("a colour type of 0, 2, 3, 4 or 6", color);
  return {
    width,
    height,
    decode() {
      if (width * height * channels * depth / 8 > MAX_RATIO * compressed) {
        unexpected(`${width}×${height} pixels, as declared`, `only ${compressed} bytes for them`);
      }
      if (interlaced && depth < 8) unexpected("8 or more bits a sample in an interlaced image", depth);
      return decodePng(bytes, color, channels);
    },
  };
}

function decodePng(bytes: Uint8Array, color: number, channels: number): Samples {
  const { width, height, depth, data, palette } = decode(bytes, { checkCrc: true });
  const size = { width, height };
  if (depth === 16) {
    const max = 65535, colors = channels < 3 ? 1 : 3;
    return { ...size, colors, stride: channels, max, data: data as Uint16Array };
  }
  const samples = data as Uint8Array;
  if (color === PALETTE) {
    const indices = unpackBits(samples, width, height, depth, Math.ceil(width * depth / 8));
    const rgb = lookUp(indices, palette ?? unexpected("a palette", "none"));
    return { ...size, colors: 3, stride: 3, max: 255, data: rgb };
  }
  if (depth < 8) {
    const grey = unpackBits(samples, width, height, depth, Math.ceil(width * depth / 8));
    return { ...size, colors: 1, stride: 1, max: 2 ** depth - 1, data: grey };
  }
  return { ...size, colors: channels < 3 ? 1 : 3, stride: channels, max: 255, data: samples };
}

/**
 * An 8-bit PNG file.
 *
 * @param data [height, width, channels]
 * @param channels 1 grey, 3 RGB
 */
export function writePng(data: Uint8Array, width: number, height: number, channels: 1 | 3): Uint8Array {
  return encode({ width, height, channels, depth: 8, data });
}
