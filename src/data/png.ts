/**
 * PNG: 1 to 16 bits, grey, palette, colour, alpha, interlaced; of an animated one the picture that viewers without
 * animation show. The chunks are walked here first, so that a file that is cut off, or declares more pixels than it can
 * hold, is refused before anything is allocated, and only those that pixels are made of go on to the decoder: damage in
 * others (profiles, text, sizes in metres) is no damage to the picture.
 *
 * @module
 */
import { decode, encode } from "npm:fast-png@^8.0.0";
import { exifOrientation } from "./orientation.ts";
import { join, lookUp, type Opened, type Samples, unexpected, unpackBits } from "./samples.ts";

/** Samples a pixel by colour type. */
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const PALETTE = 3;
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);
/** Deflate can't shrink anything further than this, and doesn't enlarge anything by more than that. */
const MAX_RATIO = 1032, MAX_GROWTH = 2, MAX_EXTRA = 2 ** 16;
/** Where an interlaced picture's seven passes begin, and their steps: column, row, columns, rows. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** What a file holds. */
interface Header {
  width: number;
  height: number;
  /** Bits a sample. */
  depth: number;
  color: number;
  channels: number;
  interlaced: boolean;
  /** The file with nothing but what pixels are made of. */
  pixels: Uint8Array;
  /** Chunks of pixels, one after another. */
  compressed: Uint8Array;
  /** Red, green and blue of each entry. */
  palette: Uint8Array;
  /** Opacity of palette entries, or the one colour that is transparent. */
  transparency: Uint8Array;
}

/** Reads the chunks' headers of a file that starts as a PNG. */
export function openPng(bytes: Uint8Array): Opened {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const needed = [bytes.subarray(0, 8)], data: Uint8Array[] = [];
  let at = 8, type = "", palette = bytes.subarray(0, 0), transparency = palette, orientation = 1;
  while (type !== "IEND") {
    if (at + 12 > bytes.length) unexpected("a whole file", `one that ends after ${bytes.length} bytes`);
    const length = view.getUint32(at), content = bytes.subarray(at + 8, at + 8 + length);
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at === 8 && (type !== "IHDR" || length !== 13)) unexpected("a header first", `"${type}"`);
    if (at + 12 + length > bytes.length) {
      unexpected("a whole file", `one that ends after ${bytes.length} bytes`);
    }
    if (type === "IDAT") data.push(content);
    if (type === "PLTE") palette = content;
    if (type === "tRNS") transparency = content;
    if (type === "eXIf") orientation = exifOrientation(content);
    if (/^[A-Z]/.test(type)) needed.push(bytes.subarray(at, at + 12 + length)); // others: a small letter
    at += 12 + length;
  }
  const width = view.getUint32(16), height = view.getUint32(20);
  const depth = bytes[24], color = bytes[25], interlaced = bytes[28] !== 0;
  const channels = CHANNELS[color] ?? unexpected("a colour type of 0, 2, 3, 4 or 6", color);
  return {
    width,
    height,
    orientation,
    decode() {
      const compressed = join(data), size = width * height * channels * depth / 8;
      if (size > MAX_RATIO * compressed.length) {
        unexpected(`${width}×${height} pixels, as declared`, `only ${compressed.length} bytes for them`);
      }
      if (compressed.length > MAX_GROWTH * size + MAX_EXTRA) {
        unexpected(`${width}×${height} pixels, as declared`, `${compressed.length} bytes for them`);
      }
      needed.slice(1).forEach(checkChunk);
      const header = { width, height, depth, color, channels, interlaced, palette, transparency };
      return decodePng({ ...header, pixels: join(needed), compressed });
    },
  };
}

/** @throws {Error} where a chunk's checksum is not its content's */
function checkChunk(chunk: Uint8Array): void {
  const end = chunk.length - 4, view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  if (crcOf(chunk.subarray(4, end)) !== view.getUint32(end)) {
    const type = String.fromCharCode(...chunk.subarray(4, 8));
    unexpected(`the CRC of its ${type} chunk to be right`, "that it isn't: the file is damaged");
  }
}

/** A chunk's checksum, of its name and content. */
function crcOf(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ crc >>> 8;
  return ~crc >>> 0;
}

/** What a byte adds to a CRC-32. */
const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? byte >>> 1 ^ 0xedb88320 : byte >>> 1;
  return byte;
});

async function decodePng(header: Header): Promise<Samples> {
  const { width, height, depth, color, channels, interlaced, pixels, palette, transparency } = header;
  const samples = depth >= 8
    ? decoded(pixels) as Uint8Array | Uint16Array
    : interlaced
    ? await joinPasses(header)
    : unpackBits(decoded(pixels) as Uint8Array, width, height, depth, Math.ceil(width * depth / 8));
  if (color === PALETTE) {
    const colors = Array.from({ length: Math.floor(palette.length / 3) }, (_, i) => [
      ...palette.subarray(3 * i, 3 * i + 3),
      transparency[i] ?? 255,
    ]);
    return { width, height, colors: 3, stride: 3, max: 255, data: lookUp(samples as Uint8Array, colors) };
  }
  const colors = channels < 3 ? 1 : 3;
  if (transparency.length >= 2 * colors && channels === colors) blacken(samples, colors, transparency);
  return {
    width,
    height,
    colors,
    stride: channels,
    alpha: channels > colors,
    max: 2 ** depth - 1,
    data: samples,
  };
}

/** The decoder's samples. @throws {Error} where there are fewer rows than declared, which it calls an unknown filter */
function decoded(png: Uint8Array): ReturnType<typeof decode>["data"] {
  try {
    return decode(png).data;
  } catch (error) {
    if (!/Unsupported filter/.test(String(error))) throw error;
    return unexpected(
      "as many rows as declared, each with a filter from 0 to 4",
      "others: it is cut off or damaged",
    );
  }
}

/** Makes black, which is what lies behind, of all that has the transparent colour. */
function blacken(data: Uint8Array | Uint16Array, colors: number, transparency: Uint8Array): void {
  const color = Array.from({ length: colors }, (_, c) => transparency[2 * c] << 8 | transparency[2 * c + 1]);
  for (let at = 0; at < data.length; at += colors) {
    if (color.every((value, c) => data[at + c] === value)) data.fill(0, at, at + colors);
  }
}

/** Samples of less than a byte of an interlaced picture: each of its passes is a picture of its own. */
async function joinPasses({ width, height, depth, compressed }: Header): Promise<Uint8Array> {
  const rows = await through(compressed, new DecompressionStream("deflate"));
  const out = new Uint8Array(width * height);
  let at = 0;
  for (const [left, top, dx, dy] of PASSES) {
    const w = Math.ceil((width - left) / dx), h = Math.ceil((height - top) / dy);
    if (w <= 0 || h <= 0) continue;
    const rowBytes = Math.ceil(w * depth / 8), end = at + h * (1 + rowBytes);
    const pass = unpackBits(await unfilter(rows.subarray(at, end), w, h, depth), w, h, depth, rowBytes);
    for (let y = 0, i = 0; y < h; y++) {
      for (let x = 0; x < w; x++) out[(top + y * dy) * width + left + x * dx] = pass[i++];
    }
    at = end;
  }
  if (at > rows.length) unexpected(`${at} bytes of pixels`, rows.length);
  return out;
}

/** Grey rows as they are filtered, as a file that the decoder unfilters. */
async function unfilter(rows: Uint8Array, width: number, height: number, depth: number): Promise<Uint8Array> {
  const compressed = await through(rows, new CompressionStream("deflate"));
  return decode(pngOf({ width, height, depth, color: 0 }, compressed)).data as Uint8Array;
}

async function through(bytes: Uint8Array, stream: CompressionStream): Promise<Uint8Array<ArrayBuffer>> {
  const source = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  return new Uint8Array(await new Response(source.pipeThrough(stream)).arrayBuffer());
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

/** A file that is not interlaced. @param compressed its rows, each behind the number of its filter, by zlib */
export function pngOf(
  { width, height, depth, color }: Pick<Header, "width" | "height" | "depth" | "color">,
  compressed: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, color], 8);
  return join([SIGNATURE, chunkOf("IHDR", header), chunkOf("IDAT", compressed), chunkOf("IEND")]);
}

/** Length, name, content, checksum of the two. */
function chunkOf(name: string, content: Uint8Array = new Uint8Array()): Uint8Array {
  const whole = new Uint8Array(12 + content.length), view = new DataView(whole.buffer);
  view.setUint32(0, content.length);
  whole.set(new TextEncoder().encode(name), 4);
  whole.set(content, 8);
  view.setUint32(8 + content.length, crcOf(whole.subarray(4, 8 + content.length)));
  return whole;
}
