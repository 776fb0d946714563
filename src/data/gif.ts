/**
 * GIF: the first frame, what it leaves free or transparent being black. The decoder is loaded on first use. Blocks are
 * walked here to the end of that frame, so that neither its size nor what comes after it is taken on trust.
 *
 * @module
 */
import { listening, type Opened, type Samples, unexpected } from "./samples.ts";

/** Bytes of the file's header, and where its flags are; bytes of a frame's header, and where its flags are. */
const HEADER = 13, FLAGS = 10, FRAME_HEADER = 10, FRAME_FLAGS = 9;
/** Bit of flags: there is a table of colours. */
const HAS_TABLE = 0x80;
/** How blocks begin, and what ends a file. */
const FRAME = 0x2c, EXTENSION = 0x21, END = 0x3b;
/** Bits of the shortest codes, at most: the decoder doesn't end with more. */
const MAX_BITS = 8;
/** Pixels that a byte can stand for: a code of 12 bits is at most as many as there are codes. */
const MAX_RATIO = 4096 * 8 / 12;

/** Reads the header of a file that starts as a GIF. */
export function openGif(bytes: Uint8Array): Opened {
  if (bytes.length < HEADER) unexpected(`a header of ${HEADER} bytes`, `${bytes.length} bytes`);
  const width = u16(bytes, 6), height = u16(bytes, 8);
  return { width, height, decode: () => decodeGif(bytes, width, height) };
}

async function decodeGif(bytes: Uint8Array, width: number, height: number): Promise<Samples> {
  const { start, end } = findFrame(bytes), frame = bytes.subarray(start, end);
  const [x, y, w, h] = [1, 3, 5, 7].map((at) => u16(frame, at));
  if (x + w > width || y + h > height) {
    unexpected(`a frame within ${width}×${height}`, `${w}×${h} at ${x}, ${y}`);
  }
  if (w * h > MAX_RATIO * frame.length) {
    unexpected(`${w}×${h} pixels, as declared`, `only ${frame.length} bytes for them`);
  }
  const first = new Uint8Array(end + 1), data = new Uint8Array(4 * width * height);
  first.set(bytes.subarray(0, end));
  first[end] = END;
  const { GifReader } = await import("npm:omggif@^1.0.10");
  const { said } = listening(() => new GifReader(first).decodeAndBlitFrameRGBA(0, data));
  if (said.length > 0) unexpected(`data for ${w}×${h} pixels`, "less or more");
  return { width, height, colors: 3, stride: 4, alpha: true, max: 255, data };
}

/** Where the first frame's header begins, and where its data ends. */
function findFrame(bytes: Uint8Array): { start: number; end: number } {
  let at = HEADER + tableBytes(bytes[FLAGS]);
  while (bytes[at] === EXTENSION) at = skipBlocks(bytes, at + 2);
  if (bytes[at] !== FRAME) unexpected("a frame", at < bytes.length ? "none" : "a file that is cut off");
  if (!((bytes[FLAGS] | bytes[at + FRAME_FLAGS]) & HAS_TABLE)) unexpected("a table of colours", "none");
  const data = at + FRAME_HEADER + tableBytes(bytes[at + FRAME_FLAGS]);
  if (!(bytes[data] >= 1 && bytes[data] <= MAX_BITS)) {
    unexpected(`codes from 1 to ${MAX_BITS} bits on`, bytes[data]);
  }
  return { start: at, end: skipBlocks(bytes, data + 1) };
}

/** Bytes of the table of colours that flags announce. */
function tableBytes(flags: number): number {
  return flags & HAS_TABLE ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

/** The place behind blocks, each of which says its length first, the last 0. */
function skipBlocks(bytes: Uint8Array, at: number): number {
  while (bytes[at] !== 0) {
    if (at >= bytes.length) unexpected("a whole file", `one that ends after ${bytes.length} bytes`);
    at += 1 + bytes[at];
  }
  return at + 1;
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8;
}
