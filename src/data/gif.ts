/**
 * GIF: the first frame, what it leaves free or transparent being black. Blocks are walked to the end of that frame, so that
 * neither its size nor what comes after it is taken on trust.
 *
 *     screen    signature (6 bytes), width, height (u16), flags, background, aspect; table of colours
 *     extension 0x21, kind, blocks; of kind 0xf9 a block of flags, delay (u16), transparent colour
 *     frame     0x2c, left, top, width, height (u16), flags; table of colours; bits of a code, blocks
 *     block     length (u8), as many bytes; the last is empty
 *
 * @module
 */
import { lookUp, type Opened, type Samples, unexpected } from "./samples.ts";

/** Bytes of the file's header, and where its flags are; bytes of a frame's header, and where its flags are. */
const HEADER = 13, FLAGS = 10, FRAME_HEADER = 10, FRAME_FLAGS = 9;
/** Bits of flags: there is a table of colours; rows come in four passes. */
const HAS_TABLE = 0x80, INTERLACED = 0x40;
/** How blocks begin, and the kind of extension that tells what is transparent. */
const FRAME = 0x2c, EXTENSION = 0x21, CONTROL = 0xf9;
/** Bits of colours, and of the longest codes. */
const MAX_BITS = 8, LONGEST = 12;
/** Pixels that a byte can stand for: a code of 12 bits is at most as many as there are codes. */
const MAX_RATIO = 4096 * 8 / 12;
/** Where an interlaced picture's passes begin, and their steps, rows. */
const PASSES = [[0, 8], [4, 8], [2, 4], [1, 2]];

/** Reads the header of a file that starts as a GIF. */
export function openGif(bytes: Uint8Array): Opened {
  if (bytes.length < HEADER) unexpected(`a header of ${HEADER} bytes`, `${bytes.length} bytes`);
  const width = u16(bytes, 6), height = u16(bytes, 8);
  return { width, height, decode: () => decodeGif(bytes, width, height) };
}

function decodeGif(bytes: Uint8Array, width: number, height: number): Samples {
  const { start, transparent } = findFrame(bytes), frame = bytes.subarray(start);
  const [x, y, w, h] = [1, 3, 5, 7].map((at) => u16(frame, at)), flags = frame[FRAME_FLAGS];
  if (x + w > width || y + h > height) {
    unexpected(`a frame within ${width}×${height}`, `${w}×${h} at ${x}, ${y}`);
  }
  const at = FRAME_HEADER + tableBytes(flags), bits = frame[at], packed = blocksAt(bytes, start + at + 1);
  if (!(bits >= 1 && bits <= MAX_BITS)) unexpected(`codes from 1 to ${MAX_BITS} bits on`, bits);
  if (w * h > MAX_RATIO * packed.length) {
    unexpected(`${w}×${h} pixels, as declared`, `only ${packed.length} bytes for them`);
  }
  const table = flags & HAS_TABLE ? frame.subarray(FRAME_HEADER, at) : bytes.subarray(HEADER);
  const colors = Array.from({ length: tableBytes(flags & HAS_TABLE ? flags : bytes[FLAGS]) / 3 }, (_, i) => [
    ...table.subarray(3 * i, 3 * i + 3),
    i === transparent ? 0 : 255,
  ]);
  const pixels = lookUp(unpackCodes(packed, bits, w * h), colors), data = new Uint8Array(3 * width * height);
  const rows = Array.from({ length: h }, (_, i) => i);
  const order = flags & INTERLACED
    ? PASSES.flatMap(([begin, step]) => rows.filter((row) => row >= begin && (row - begin) % step === 0))
    : rows;
  order.forEach((row, i) =>
    data.set(pixels.subarray(3 * w * i, 3 * w * (i + 1)), 3 * ((y + row) * width + x))
  );
  return { width, height, colors: 3, stride: 3, max: 255, data };
}

/** Where the first frame's header begins, and which colour is transparent; -1 for none. */
function findFrame(bytes: Uint8Array): { start: number; transparent: number } {
  let at = HEADER + tableBytes(bytes[FLAGS]), transparent = -1;
  while (bytes[at] === EXTENSION) {
    if (bytes[at + 1] === CONTROL && bytes[at + 2] >= 4) {
      transparent = bytes[at + 3] & 1 ? bytes[at + 6] : -1;
    }
    at = skipBlocks(bytes, at + 2);
  }
  if (bytes[at] !== FRAME) unexpected("a frame", at < bytes.length ? "none" : "a file that is cut off");
  if (at + FRAME_HEADER > bytes.length) {
    unexpected("a whole file", `one that ends after ${bytes.length} bytes`);
  }
  if (!((bytes[FLAGS] | bytes[at + FRAME_FLAGS]) & HAS_TABLE)) unexpected("a table of colours", "none");
  return { start: at, transparent };
}

/** Bytes of the table of colours that flags announce. */
function tableBytes(flags: number): number {
  return flags & HAS_TABLE ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

/** The place behind blocks. */
function skipBlocks(bytes: Uint8Array, at: number): number {
  while (bytes[at] !== 0) {
    if (at >= bytes.length) unexpected("a whole file", `one that ends after ${bytes.length} bytes`);
    at += 1 + bytes[at];
  }
  return at + 1;
}

/** What is in blocks, one after another. */
function blocksAt(bytes: Uint8Array, at: number): Uint8Array {
  const out = new Uint8Array(skipBlocks(bytes, at) - at);
  let length = 0;
  for (; bytes[at] !== 0; at += 1 + bytes[at]) {
    out.set(bytes.subarray(at + 1, at + 1 + bytes[at]), length);
    length += bytes[at];
  }
  return out.subarray(0, length);
}

/**
 * Unpacks LZW codes, the first in the lowest bits. A code stands for a run of pixels: a colour, or the run of an earlier code
 * and one pixel more. So a run is written from its last pixel back, which always ends, as codes become smaller.
 *
 * @param bits of a colour
 * @param count pixels that there have to be
 */
function unpackCodes(packed: Uint8Array, bits: number, count: number): Uint8Array {
  const clear = 1 << bits, end = clear + 1, most = 2 ** LONGEST, out = new Uint8Array(count);
  const before = new Uint16Array(most), length = new Uint16Array(most).fill(1);
  const first = Uint8Array.from({ length: most }, (_, color) => color), final = first.slice();
  let size = bits + 1, next = end + 1, last = -1, written = 0;
  for (let at = 0; at + size <= 8 * packed.length;) {
    const byte = at >>> 3, word = packed[byte] | packed[byte + 1] << 8 | packed[byte + 2] << 16;
    const code = word >>> (at & 7) & (1 << size) - 1;
    at += size;
    if (code === end) break;
    if (code === clear) {
      [size, next, last] = [bits + 1, end + 1, -1];
      continue;
    }
    if (code > (last < 0 ? end : next)) unexpected("codes of runs that were there before", "others");
    if (last >= 0 && next < most) { // the last run and this one's first pixel; this may be that very run
      before[next] = last;
      length[next] = length[last] + 1;
      first[next] = first[last];
      final[next] = first[code === next ? last : code];
      if (++next === 1 << size && size < LONGEST) size++;
    }
    written += length[code];
    if (written > count) break;
    for (let run = code, to = written, left = length[code]; left > 0; left--, run = before[run]) {
      out[--to] = final[run];
    }
    last = code;
  }
  return written === count ? out : unexpected(`data for ${count} pixels`, "less or more");
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8;
}
