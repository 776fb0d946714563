/**
 * Image files, from the golden ones, and damage that knows their formats: checksums and lengths are right again, so that it
 * is not the first of them that refuses the file.
 *
 * @module
 */
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { concatenated } from "../data/cifar_files.ts";
import { concat, latin1 } from "../reference/checkpoint.ts";
import {
  type Bytes,
  type Field,
  type Mutators,
  type Numbers,
  odd,
  oddField,
  pieceMutators,
  type Pieces,
  repeated,
  withNumber,
} from "./mutations.ts";

/** The golden files whose names begin so, as `png.rgb`. */
export async function imageSeeds(format: string): Promise<Map<string, Bytes>> {
  const { tensors } = await readSafetensors(
    new URL("../golden/images.safetensors", import.meta.url).pathname,
  );
  const files = [...tensors].filter(([name]) => name.startsWith(`file.${format}.`));
  return new Map(files.map(([name, { bytes }]) => [name.slice("file.".length), bytes]));
}

const viewOf = (file: Bytes) => new DataView(file.buffer, file.byteOffset, file.length);
const u32 = (value: number, little = false): Bytes =>
  withNumber(new Uint8Array(4), 0, 4, BigInt(value), little);

/** Chunks of a PNG without length and checksum: type and content. */
const PNG_CHUNKS: Pieces = {
  split(file) {
    const view = viewOf(file), chunks: Bytes[] = [];
    for (let at = 8; at + 12 <= file.length;) {
      const end = at + 12 + view.getUint32(at);
      if (end > file.length) break;
      chunks.push(file.slice(at + 4, end - 4));
      at = end;
    }
    return chunks;
  },
  join: (chunks) =>
    concatenated([
      latin1("\x89PNG\r\n\x1a\n"),
      ...chunks.flatMap((chunk) => [u32(Math.max(0, chunk.length - 4)), chunk, u32(crc32(chunk))]),
    ]),
};

/** Width, height, depth, colour, compression, filter, interlacing behind the type IHDR. */
const IHDR: Field[] = [[4, 4], [8, 4], [12, 1], [13, 1], [14, 1], [15, 1], [16, 1]];
const isPixels = (chunk: Bytes) => String.fromCharCode(...chunk.subarray(0, 4)) === "IDAT";
/** A PNG whose rows, unpacked but filtered, are others, all in one chunk. */
function withRows(file: Bytes, change: (rows: Bytes) => Bytes): Bytes {
  const chunks = PNG_CHUNKS.split(file), first = chunks.findIndex(isPixels);
  if (first < 0) return file;
  let rows: Bytes;
  try {
    rows = new Uint8Array(inflateSync(concat(...chunks.filter(isPixels).map((chunk) => chunk.subarray(4)))));
  } catch {
    return file; // damaged already
  }
  const packed = concat(latin1("IDAT"), deflateSync(change(rows)));
  return PNG_CHUNKS.join(
    chunks.flatMap((chunk, i) => i === first ? [packed] : isPixels(chunk) ? [] : [chunk]),
    file,
  );
}

export const PNG: Mutators = {
  ...pieceMutators(PNG_CHUNKS),
  header(file, numbers) {
    const [header, ...others] = PNG_CHUNKS.split(file);
    return header ? PNG_CHUNKS.join([oddField(header, IHDR, numbers, false), ...others], file) : file;
  },
  row: (file, [a, b]) =>
    withRows(file, (rows) => withNumber(rows, a % Math.max(1, rows.length), 1, BigInt(b % 256), true)),
  rows: (file, [a]) => withRows(file, (rows) => rows.slice(0, a % Math.max(1, rows.length))),
  bomb: (file, [a]) => withRows(file, () => new Uint8Array(a % 2 ** 26)),
};

/** Segments of a JPEG with their markers and lengths, scans with their data. */
const JPEG_SEGMENTS: Pieces = {
  split(file) {
    const segments: Bytes[] = [];
    for (let at = 2; at + 4 <= file.length;) {
      let end = at + 2 + (file[at + 2] << 8 | file[at + 3]);
      if (file[at] !== 0xff || end > file.length) break;
      while (
        end < file.length && !(file[end] === 0xff && file[end + 1] >= 0xc0 && !isRestart(file[end + 1]))
      ) end++;
      segments.push(file.slice(at, end));
      at = end;
    }
    return segments;
  },
  join: (segments) => concatenated([Uint8Array.of(0xff, 0xd8), ...segments, Uint8Array.of(0xff, 0xd9)]),
};
const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7;
const isFrame = (segment: Bytes) => segment[1] >= 0xc0 && segment[1] <= 0xc2;
/** Marker, depth, height, width, channels, and of the first three what they are sampled by. */
const FRAME: Field[] = [[1, 1], [4, 1], [5, 2], [7, 2], [9, 1], [11, 1], [14, 1], [17, 1]];

export const JPEG: Mutators = {
  ...pieceMutators(JPEG_SEGMENTS, 3000),
  frame(file, numbers) {
    const segments = JPEG_SEGMENTS.split(file);
    return JPEG_SEGMENTS.join(
      segments.map((segment) => isFrame(segment) ? oddField(segment, FRAME, numbers, false) : segment),
      file,
    );
  },
  /** A large picture of many scans: what each costs is paid in pixels, not in bytes. */
  scans(file, [a, b, c]) {
    const segments = JPEG_SEGMENTS.split(file), last = segments.findLast((segment) => segment[1] === 0xda);
    if (last === undefined) return file;
    const side = (n: number) => BigInt(8 + n % 16000);
    const large = segments.map((segment) =>
      isFrame(segment) ? withNumber(withNumber(segment, 5, 2, side(a), false), 7, 2, side(b), false) : segment
    );
    return JPEG_SEGMENTS.join([...large, ...repeated(last, c % 3000)], file);
  },
};

/** Where pixels lie, header's size, width, height, planes, bits, compression, size, colours, masks. */
const BITMAP: Field[] = [
  [2, 4],
  [10, 4],
  [14, 4],
  [18, 4],
  [22, 4],
  [26, 2],
  [28, 2],
  [30, 4],
  [34, 4],
  [46, 4],
  [54, 4],
];

export const BMP: Mutators = { header: (file, numbers) => oddField(file, BITMAP, numbers, true) };

/** How a TIFF counts. */
function tiffForm(file: Bytes) {
  const little = file[0] === 0x49, big = file[little ? 2 : 3] === 43;
  return { little, big, head: big ? 8 : 4, entry: big ? 20 : 12, count: big ? 8 : 2, wide: big ? 8 : 4 };
}

/** A number of up to 32 bits; 0 behind the end. */
function numberAt(file: Bytes, at: number, size: number, little: boolean): number {
  let value = 0;
  for (let i = 0; i < size; i++) value += (file[little ? at + i : at + size - 1 - i] ?? 0) * 2 ** (8 * i);
  return value;
}

/** Entries of a TIFF's first directory. What they become is put behind the file. */
const TIFF_TAGS: Pieces = {
  split(file) {
    const { little, head, entry, count, wide } = tiffForm(file), at = numberAt(file, head, wide, little);
    const length = Math.min(numberAt(file, at, count, little), 1000);
    return Array.from({ length }, (_, i) => file.slice(at + count + i * entry, at + count + (i + 1) * entry))
      .filter((tag) => tag.length === entry);
  },
  join(tags, file) {
    const { little, head, count, wide } = tiffForm(file);
    const directory = withNumber(new Uint8Array(count), 0, count, BigInt(tags.length), little);
    return concat(
      withNumber(file, head, wide, BigInt(file.length), little),
      directory,
      ...tags,
      new Uint8Array(wide),
    );
  },
};
/** Sizes, depth, compression, colour, strips, tiles, planes, predictor, sample format and their like. */
const TAGS = [
  256,
  257,
  258,
  259,
  262,
  266,
  273,
  274,
  277,
  278,
  279,
  284,
  292,
  317,
  320,
  322,
  323,
  324,
  325,
  338,
  339,
];

export const TIFF: Mutators = {
  ...pieceMutators(TIFF_TAGS),
  header: (file, numbers) => oddField(file, [[4, 4], [8, 8]], numbers, tiffForm(file).little),
  field(file, [a, b, c]) {
    const { little, big } = tiffForm(file), tags = TIFF_TAGS.split(file);
    if (tags.length === 0) return file;
    const fields: Field[] = big ? [[0, 2], [2, 2], [4, 8], [12, 8]] : [[0, 2], [2, 2], [4, 4], [8, 4]];
    return TIFF_TAGS.join(
      tags.with(a % tags.length, oddField(tags[a % tags.length], fields, [b, c, 0], little)),
      file,
    );
  },
  /** A tag that decides about sizes or decoding gets another value of a few bits, or is added. */
  tag(file, [a, b, c]) {
    const { little, big, entry, wide } = tiffForm(file),
      tags = TIFF_TAGS.split(file),
      id = TAGS[a % TAGS.length];
    let tag = withNumber(new Uint8Array(entry), 0, 2, BigInt(id), little);
    tag = withNumber(tag, 2, 2, c % 2 === 0 ? 3n : 4n, little);
    tag = withNumber(tag, 4, wide, 1n, little);
    tag = withNumber(tag, big ? 12 : 8, c % 2 === 0 ? 2 : 4, b < 32 ? BigInt(b) : BigInt(b % 20000), little);
    return TIFF_TAGS.join([...tags.filter((other) => numberAt(other, 0, 2, little) !== id), tag], file);
  },
};

/** Chunks of a WebP: name and content. */
const WEBP_CHUNKS: Pieces = {
  split(file) {
    const view = viewOf(file), chunks: Bytes[] = [];
    for (let at = 12; at + 8 <= file.length;) {
      const length = view.getUint32(at + 4, true), end = at + 8 + length;
      if (end > file.length) break;
      chunks.push(concat(file.subarray(at, at + 4), file.subarray(at + 8, end)));
      at = end + length % 2;
    }
    return chunks;
  },
  join(chunks) {
    const content = concatenated(chunks.flatMap((chunk) => {
      const length = Math.max(0, chunk.length - 4);
      return [chunk.subarray(0, 4), u32(length, true), chunk.subarray(4), new Uint8Array(length % 2)];
    }));
    return concat(latin1("RIFF"), u32(content.length + 4, true), latin1("WEBP"), content);
  },
};
/** Flags and sides of the canvas; begin and sides of a picture, lossy and not. */
const CANVAS: Field[] = [[4, 1], [8, 3], [11, 3]],
  PICTURE: Field[] = [[4, 1], [5, 4], [7, 3], [10, 2], [12, 2]];

export const WEBP: Mutators = {
  ...pieceMutators(WEBP_CHUNKS),
  header(file, [a, b, c]) {
    const chunks = WEBP_CHUNKS.split(file);
    if (chunks.length === 0) return file;
    const at = a % chunks.length, fields = chunks[at][3] === 0x58 ? CANVAS : PICTURE; // VP8X
    return WEBP_CHUNKS.join(chunks.with(at, oddField(chunks[at], fields, [b, c, 0], true)), file);
  },
};

/** A GIF's header with its table, and its blocks. */
const GIF_BLOCKS: Pieces = {
  split(file) {
    const table = (flags: number) => flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
    let at = 13 + table(file[10]);
    const blocks = [file.slice(0, at)];
    while (file[at] === 0x21 || file[at] === 0x2c) {
      let end = file[at] === 0x21 ? at + 2 : at + 11 + table(file[at + 9]);
      while (file[end] > 0) end += 1 + file[end];
      blocks.push(file.slice(at, end + 1));
      at = end + 1;
    }
    return blocks;
  },
  join: (blocks) => concatenated([...blocks, Uint8Array.of(0x3b)]),
};
/** Of the screen: sides, flags, background, aspect; of a frame: place, sides, flags. */
const SCREEN: Field[] = [[6, 2], [8, 2], [10, 1], [11, 1], [12, 1]];
const GIF_FRAME: Field[] = [[1, 2], [3, 2], [5, 2], [7, 2], [9, 1], [10, 1]];

export const GIF: Mutators = {
  ...pieceMutators(GIF_BLOCKS),
  screen: (file, numbers) => oddField(file, SCREEN, numbers, true),
  frame(file, numbers) {
    const blocks = GIF_BLOCKS.split(file), at = blocks.findIndex((block) => block[0] === 0x2c);
    return at < 0
      ? file
      : GIF_BLOCKS.join(blocks.with(at, oddField(blocks[at], GIF_FRAME, numbers, true)), file);
  },
  /** Screen and frame of one size: the data is for another. */
  size(file, [a, b]: Numbers) {
    const blocks = GIF_BLOCKS.split(file), at = blocks.findIndex((block) => block[0] === 0x2c);
    if (at < 0) return file;
    const sides = (block: Bytes, from: number) =>
      withNumber(withNumber(block, from, 2, odd(a), true), from + 2, 2, odd(b), true);
    return GIF_BLOCKS.join(blocks.with(at, sides(blocks[at], 5)).with(0, sides(blocks[0], 6)), file);
  },
};
