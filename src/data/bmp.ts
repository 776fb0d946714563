/**
 * BMP, uncompressed: 1, 4 and 8 bits with a palette, 24 and 32 bits, stored upwards or downwards.
 *
 * @module
 */
import { lookUp, type Opened, type Samples, unexpected, unpackBits } from "./samples.ts";

/** Where things lie in the file and information headers, in bytes. All numbers are little-endian. */
const PIXELS_AT = 10,
  HEADER_SIZE = 14,
  WIDTH = 18,
  HEIGHT = 22,
  BITS = 28,
  COMPRESSION = 30,
  COLORS_USED = 46;
const MASKS = 54;
/** What the values of the field are called. */
const COMPRESSIONS = [
  "plain ones",
  "runs of 8 bits",
  "runs of 4 bits",
  "colours in other places",
  "a JPEG",
  "a PNG",
];
/** The bit masks of red, green and blue in the only order that is read: bytes are blue, green, red, unused. */
const BGRX = [0xff0000, 0xff00, 0xff];

/** Reads the header of a file that starts as a BMP. */
export function openBmp(bytes: Uint8Array): Opened {
  if (bytes.length < MASKS) unexpected(`a header of ${MASKS} bytes`, `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const u32 = (at: number): number => view.getUint32(at, true);
  if (u32(HEADER_SIZE) < 40) {
    unexpected("an information header of 40 or more bytes", u32(HEADER_SIZE));
  }
  const width = view.getInt32(WIDTH, true), signed = view.getInt32(HEIGHT, true);
  return {
    width,
    height: Math.abs(signed),
    decode() {
      const bits = view.getUint16(BITS, true), compression = u32(COMPRESSION);
      if (![1, 4, 8, 24, 32].includes(bits)) unexpected("1, 4, 8, 24 or 32 bits a pixel", bits);
      const masked = compression === 3 && bits === 32 && bytes.length >= MASKS + 12 &&
        BGRX.every((mask, i) => u32(MASKS + 4 * i) === mask);
      if (compression !== 0 && !masked) {
        unexpected(
          "plain pixels",
          COMPRESSIONS[compression] ?? `compression ${compression}, of which nothing is known`,
        );
      }
      return decodeBmp(bytes, view, width, signed, bits);
    },
  };
}

/** @param signed the height; positive where the lowest row comes first */
function decodeBmp(bytes: Uint8Array, view: DataView, width: number, signed: number, bits: number): Samples {
  const height = Math.abs(signed), rowBytes = Math.ceil(width * bits / 32) * 4;
  const start = view.getUint32(PIXELS_AT, true), end = start + rowBytes * height;
  if (end > bytes.length) unexpected(`${end} bytes`, bytes.length);
  const rows = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const from = start + (signed > 0 ? height - 1 - y : y) * rowBytes;
    rows.set(bytes.subarray(from, from + rowBytes), y * rowBytes);
  }
  const size = { width, height, colors: 3, max: 255 } as const;
  if (bits > 8) {
    const data = new Uint8Array(3 * width * height);
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0, from = y * rowBytes; x < width; x++, from += bits / 8, to += 3) {
        for (let c = 0; c < 3; c++) data[to + c] = rows[from + 2 - c];
      }
    }
    return { ...size, stride: 3, data };
  }
  const at = HEADER_SIZE + view.getUint32(HEADER_SIZE, true);
  const colors = Math.min(view.getUint32(COLORS_USED, true) || 2 ** bits, 2 ** bits);
  if (at + 4 * colors > start) unexpected(`a palette of ${colors} colours`, `${start - at} bytes for it`);
  const palette = Array.from({ length: colors }, (_, i) => [2, 1, 0].map((c) => bytes[at + 4 * i + c]));
  return { ...size, stride: 3, data: lookUp(unpackBits(rows, width, height, bits, rowBytes), palette) };
}
