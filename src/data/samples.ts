/**
 * What the decoders of all formats hand over: samples as the file has them, of any depth, grey or colour, and the
 * two steps that several formats share (unpacking bits, looking up a palette).
 *
 * @module
 */
import { InputError } from "../errors.ts";

/** Most pixels of an image: 8192×8192, about 1 GiB while it is being decoded, or with 16 bits a sample 1.6 GiB. */
export const MAX_PIXELS = 2 ** 26;

/** An image declares more pixels than are read. */
export class TooManyPixels extends InputError {
  /** An error to throw. @param file what it calls the file */
  constructor(file: string, most: number, width: number, height: number) {
    super(`Expected ${file} to have at most ${most} pixels, but found ${width}×${height}`);
  }
}

/** Decoded samples, row-major without padding: [height, width, stride]. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  /** How many of a pixel's samples are its colour: 1 grey, 3 red, green, blue. They come first. */
  readonly colors: 1 | 3;
  /** Samples a pixel; what comes after the colours, and alpha where there is one, is not looked at. */
  readonly stride: number;
  /** Whether opacity follows the colours, which it has not been multiplied with. */
  readonly alpha?: boolean;
  /** The sample value of full brightness, and of full opacity. */
  readonly max: number;
  /** Whether compression changed the samples, so that black is not quite black. */
  readonly lossy?: boolean;
  readonly data: Uint8Array | Uint16Array;
}

/** A file whose header has been read, but none of its pixels. */
export interface Opened {
  /** As stored. */
  readonly width: number;
  readonly height: number;
  /** How it is stored, as EXIF counts: 1 upright, which is meant where there is none, to 8. */
  readonly orientation?: number;
  /** Decodes the pixels; throws whatever a damaged file makes it throw. */
  decode(): Samples | Promise<Samples>;
}

/** Throws what is to be said of a file; the caller puts the file's name in front. */
export function unexpected(expected: string, found: string | number): never {
  throw new Error(`expected ${expected}, but found ${found}`);
}

/** What a decoder gives that prints what it finds wrong, which is the only way to know of it. @returns its lines too */
export function listening<T>(decode: () => T): { result: T; said: string[] } {
  const said: string[] = [], { log, warn } = console;
  console.log = console.warn = (line: unknown) => said.push(String(line));
  try {
    return { result: decode(), said };
  } finally {
    Object.assign(console, { log, warn });
  }
}

/** Whether bytes start with a text's, all of its characters being below 256. */
export function startsWith(bytes: Uint8Array, text: string): boolean {
  return String.fromCharCode(...bytes.subarray(0, text.length)) === text;
}

/** Pieces one after another. */
export function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * Samples of less than a byte, the leftmost in the highest bits, one to a byte.
 *
 * @param packed rows of `rowBytes` bytes
 * @param bits 1, 2, 4 or 8
 * @returns [height, width]
 */
export function unpackBits(
  packed: Uint8Array,
  width: number,
  height: number,
  bits: number,
  rowBytes: number,
): Uint8Array {
  const out = new Uint8Array(width * height), mask = 2 ** bits - 1;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = 8 * y * rowBytes; x < width; x++, at += bits) {
      out[i++] = packed[at >>> 3] >> (8 - bits - (at & 7)) & mask;
    }
  }
  return out;
}

/**
 * Colours for indices.
 *
 * @param palette [colors, 3 or 4], bytes; the fourth is opacity
 * @returns [indices, 3]
 */
export function lookUp(indices: Uint8Array, palette: number[][]): Uint8Array {
  const out = new Uint8Array(3 * indices.length);
  const onBlack = palette.map(([r, g, b, opacity = 255]) =>
    [r, g, b].map((v) => Math.round(v * opacity / 255))
  );
  for (let i = 0; i < indices.length; i++) {
    const color = onBlack[indices[i]];
    if (color === undefined) unexpected(`over ${indices[i]} colours in the palette`, palette.length);
    for (let c = 0; c < 3; c++) out[3 * i + c] = color[c];
  }
  return out;
}
