/**
 * CCITT's compression of black and white, as TIFFs have it: runs of one row (Huffman, group 3), or where a row differs from
 * the one above (group 3 in two dimensions, group 4). Codes are those of ITU-T T.4 and T.6.
 *
 * @module
 */
import { unexpected } from "./samples.ts";

/** Codes of runs: of 0 to 63 pixels, then of 64, 128 … 1728. */
const WHITE = `
  00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010
  101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010
  00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001
  00101010 00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 01010100
  01010101 00100100 00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011
  00110100 11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100
  011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001 011011010
  011011011 010011000 010011001 010011010 011000 010011011
`;
const BLACK = `
  0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111
  000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000
  00000010111 00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001
  000001101010 000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111
  000001101100 000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111
  000001100100 000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111
  000000101000 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111
  0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100
  0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011
  0000001110100 0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100
  0000001010101 0000001011010 0000001011011 0000001100100 0000001100101
`;
/** Of 1792, 1856 … 2560, in either colour. */
const LONG = `
  00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110
  000000010111 000000011100 000000011101 000000011110 000000011111
`;

/** How a change of colour lies to the one above: by so many pixels, or something else. */
const PASS = "pass", HORIZONTAL = "horizontal", LINE_END = "end of line";
const CHANGES: Record<string, number | string> = {
  "1": 0,
  "011": 1,
  "010": -1,
  "000011": 2,
  "000010": -2,
  "0000011": 3,
  "0000010": -3,
  "0001": PASS,
  "001": HORIZONTAL,
  "000000000001": LINE_END,
};
/** Bits of the longest code, and zeros that an end of line begins with, at least. */
const LONGEST = 13, LINE_END_ZEROS = 11;

/** Codes as they are looked up: their bits after a leading 1. */
type Codes<T> = ReadonlyMap<number, T>;

const key = (code: string): number => parseInt(`1${code}`, 2);
const words = (text: string): string[] => text.trim().split(/\s+/);
const RUNS: Codes<number>[] = [WHITE, BLACK].map((codes) =>
  new Map([...words(codes), ...words(LONG)].map((code, i) => [key(code), i < 64 ? i : 64 * (i - 63)]))
);
const MODES: Codes<number | string> = new Map(Object.entries(CHANGES).map(([code, to]) => [key(code), to]));

/** How rows are written. */
export interface FaxOptions {
  /** The TIFF's compression: 2 Huffman, 3 group 3, 4 group 4. */
  compression: 2 | 3 | 4;
  /** Whether group 3 has rows that are told by the one above. */
  twoDimensional: boolean;
  /** Whether the first pixel is in the lowest bit of a byte. */
  lowFirst: boolean;
}

/**
 * Rows of a strip or tile.
 *
 * @returns as many as there are and are wanted, [rows, ceil(width / 8)]: 1 is black, the first pixel in the highest bit
 */
export function decodeFax(
  bytes: Uint8Array,
  width: number,
  height: number,
  { compression, twoDimensional, lowFirst }: FaxOptions,
): Uint8Array<ArrayBuffer> {
  const bits = new Bits(bytes, lowFirst),
    rowBytes = Math.ceil(width / 8),
    out = new Uint8Array(height * rowBytes);
  let above: number[] = [], y = 0;
  for (; y < height && bits.left > 0; y++) {
    let isTold = compression === 4; // by the row above
    if (compression === 3) {
      bits.skipLineEnd();
      isTold = twoDimensional && bits.next() === 0;
      if (bits.skipLineEnd()) break; // several in a row are the end
    }
    const changes = isTold ? fromAbove(bits, above, width) : fromRuns(bits, width);
    if (changes === null) break;
    for (let i = 0; i < changes.length; i += 2) {
      const end = changes[i + 1] ?? width;
      for (let x = changes[i]; x < end; x++) out[y * rowBytes + (x >> 3)] |= 0x80 >> (x & 7);
    }
    above = changes;
    if (compression === 2) bits.toByte();
  }
  return out.slice(0, y * rowBytes);
}

/** Adds a place where a row changes its colour; a change back at the same place is none. */
function change(changes: number[], at: number): void {
  if (changes.at(-1) === at) changes.pop();
  else changes.push(at);
}

/** Where a row changes its colour, first to black. */
function fromRuns(bits: Bits, width: number): number[] {
  const changes: number[] = [];
  for (let x = 0, color = 0; x < width; color = 1 - color) {
    change(changes, x += runOf(bits, color, width - x));
  }
  return changes;
}

/** Pixels of one colour: codes of 64 and more are followed by others. */
function runOf(bits: Bits, color: number, most: number): number {
  let length = 0, part: number;
  do length += part = bits.code(RUNS[color]); while (part >= 64 && length <= most);
  return length <= most ? length : unexpected(`a run of at most ${most} pixels`, length);
}

/** As `fromRuns`, told by the row above; null where there is an end in the place of a row. */
function fromAbove(bits: Bits, above: readonly number[], width: number): number[] | null {
  const changes: number[] = [];
  for (let x = -1, color = 0, i = 0; x < width;) {
    // The first change above that lies behind x, from the colour at hand to the other.
    while (i > 0 && above[i - 1] > x) i--;
    while (i < above.length && (above[i] <= x || i % 2 !== color)) i++;
    const mode = bits.code(MODES), from = Math.max(x, 0);
    if (mode === LINE_END && x === -1) return null;
    if (mode === PASS) x = above[i + 1] ?? width;
    else if (mode === HORIZONTAL) {
      for (const each of [color, 1 - color]) {
        change(changes, x = Math.max(x, 0) + runOf(bits, each, width - Math.max(x, 0)));
      }
    } else {
      x = (above[i] ?? width) + Number(mode);
      if (!(x >= from && x <= width)) unexpected(`a change of colour from ${from} to ${width}`, x);
      change(changes, x);
      color = 1 - color;
    }
  }
  return changes;
}

/** Bits one after another; behind the last there are zeros. */
class Bits {
  #at = 0;

  constructor(private bytes: Uint8Array, private lowFirst: boolean) {}

  get left(): number {
    return 8 * this.bytes.length - this.#at;
  }

  next(): number {
    const bit = this.#bit(this.#at);
    this.#at++;
    return bit;
  }

  /** What the next code stands for. @throws {Error} where there is none such */
  code<T>(codes: Codes<T>): T {
    for (let code = 1, length = 0; length < LONGEST && this.left > 0; length++) {
      code = code << 1 | this.next();
      const found = codes.get(code);
      if (found !== undefined) return found;
    }
    return unexpected("codes of CCITT", this.left > 0 ? "others" : "an end");
  }

  /** Passes over zeros and the 1 that ends them, where they are an end of line. @returns whether they are */
  skipLineEnd(): boolean {
    let end = this.#at;
    while (end < 8 * this.bytes.length && this.#bit(end) === 0) end++;
    if (end - this.#at < LINE_END_ZEROS || end === 8 * this.bytes.length) return false;
    this.#at = end + 1;
    return true;
  }

  /** Passes over the rest of a byte. */
  toByte(): void {
    this.#at = 8 * Math.ceil(this.#at / 8);
  }

  #bit(at: number): number {
    return this.bytes[at >> 3] >> (this.lowFirst ? at & 7 : 7 - (at & 7)) & 1;
  }
}
