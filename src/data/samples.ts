/**
 * What the decoders of all formats hand over: samples as the file has them, of any depth, grey or colour, and the
 * two steps that several formats share (unpacking bits, looking up a palette).
 *
 * @module
 */

/** Decoded samples, row-major without padding: [height, width, stride]. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  /** How many of a pixel's samples are its colour: 1 grey, 3 red, green, blue. They come first. */
  readonly colors: 1 | 3;
  /** Samples a pixel; what comes after the colours (alpha) is not looked at. */
  readonly stride: number;
  /** The sample value of full brightness. */
  readonly max: number;
  readonly data: Uint8Array | Uint16Array;
}

/** A file whose header has been read, but none of its pixels. */
export interface Opened {
  readonly width: number;
  readonly height: number;
  /** Decodes the pixels; throws whatever a damaged file makes it throw. */
  decode(): Samples | Promise<Samples>;
}

/** Throws what is to be said of a file; the caller puts the file's name in front. */
export function unexpected(expected: string, found: string | number): never {
  throw new Error(`expected ${expected}, but found ${found}`);
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
 * @param palette [colors, 3 or more], bytes
 * @returns [indices, 3]
 */
export function lookUp(indices: Uint8Array, palette: number[][]): Uint8Array {
  const out = new Uint8Array(3 * indices.length);
  for (let i = 0; i < indices.length; i++) {
    const color = palette[indices[i]];
    if (color === undefined) unexpected(`over ${indices[i]} colours in the palette`, palette.length);
    for (let c = 0; c < 3; c++) out[3 * i + c] = color[c];
  }
  return out;
}
