/**
 * TIFF: one page of 1 (grey), 8 or 16 bits, grey, palette or RGB, in strips; uncompressed, LZW or Deflate. Loaded on
 * first use. What the library would read wrongly without a word (separate planes, tiles of colour) is refused here.
 *
 * @module
 */
import type { TiffIfd } from "npm:tiff@^7.1.3";
import { lookUp, type Opened, type Samples, unexpected, unpackBits } from "./samples.ts";

/** Values of PhotometricInterpretation. */
const RGB = 2, PALETTE = 3;
/** Bit of NewSubfileType: a smaller version of another page. */
const REDUCED = 1;
/** The reader runs over all pixels of all tiles, also those outside of the image: no more than these. */
const MAX_TILED = 2 ** 27;

/** Reads the tags of a file that starts as a TIFF. */
export async function openTiff(bytes: Uint8Array): Promise<Opened> {
  const { decode } = await import("npm:tiff@^7.1.3");
  // Two pages at most, so that a chain of pages without end is not followed.
  const [page, second] = decode(bytes, { ignoreImageData: true, pages: [0, 1] });
  const { width, height } = page;
  if (!Number.isInteger(width) || !Number.isInteger(height)) unexpected("a width and a height", "none");
  return {
    width,
    height,
    decode() {
      if (second && !(second.newSubfileType & REDUCED)) unexpected("a single page", "more");
      refuse(page);
      return page.bitsPerSample === undefined
        ? convertBits(page, bytes)
        : convert(decode(bytes, { pages: [0] })[0]);
    },
  };
}

function refuse(page: TiffIfd): void {
  const { height, bitsPerSample: bits = 1, sampleFormat, samplesPerPixel: stride, type } = page;
  if (![1, 8, 16].includes(bits)) unexpected("1, 8 or 16 bits a sample", bits);
  if (bits === 1 && (stride !== 1 || type === PALETTE)) {
    unexpected("1 bit a sample in grey images only", "colour");
  }
  if (sampleFormat !== 1) {
    unexpected("unsigned whole numbers", ["", "", "signed ones", "floats"][sampleFormat] ?? "others");
  }
  if (stride > 1 && page.planarConfiguration !== 1) unexpected("colours side by side", "separate planes");
  if (page.tiled) {
    if (stride > 1) unexpected("strips", "tiles of colour");
    const { tileWidth = 0, tileHeight = 0 } = page;
    if (!(tileSpan(page.width, tileWidth) * tileSpan(height, tileHeight) <= MAX_TILED)) {
      unexpected("tiles that fit the image", `some of ${tileWidth}×${tileHeight}`);
    }
  } else if (page.rowsPerStrip * (page.stripOffsets?.length ?? 0) < height) {
    unexpected(`strips for ${height} rows`, `${page.stripOffsets?.length ?? 0} of ${page.rowsPerStrip} rows`);
  }
  if (type === RGB && stride < 3) unexpected("3 colours", stride);
  if (![0, 1, RGB, PALETTE].includes(type)) unexpected("grey, RGB or palette", `photometric kind ${type}`);
}

/** Pixels of a whole number of tiles along a side. */
function tileSpan(side: number, tile: number): number {
  return Math.ceil(side / tile) * tile;
}

/** Bits a sample may go unsaid where it is one (Pillow leaves it out), which the library doesn't expect. */
function convertBits(page: TiffIfd, bytes: Uint8Array): Samples {
  const { width, height, compression, tiled } = page, rowBytes = Math.ceil(width / 8);
  if (compression !== 1 || tiled) {
    unexpected("a number of bits a sample", "none in an image that is not plain");
  }
  const strips = page.stripOffsets.map((from, i) => bytes.subarray(from, from + page.stripByteCounts[i]));
  const packed = new Uint8Array(strips.flatMap((strip) => [...strip]));
  if (packed.length < rowBytes * height) unexpected(`${rowBytes * height} bytes`, packed.length);
  const data = unpackBits(packed, width, height, 1, rowBytes);
  return {
    width,
    height,
    colors: 1,
    stride: 1,
    max: 1,
    data: page.type === 0 ? data.map((bit) => 1 - bit) : data,
  };
}

function convert(page: TiffIfd): Samples {
  const { width, height, bitsPerSample, samplesPerPixel: stride, type } = page;
  const max = 2 ** bitsPerSample - 1, data = page.data as Uint8Array | Uint16Array;
  if (type !== PALETTE) return { width, height, colors: type === RGB ? 3 : 1, stride, max, data };
  if (bitsPerSample !== 8 || stride !== 1) {
    unexpected("8 bits and one index a pixel with a palette", bitsPerSample);
  }
  // Some writers store bytes times 256, some times 257: the upper byte is right for both.
  const palette = page.palette?.map((color) => color.map((v) => v >> 8)) ?? unexpected("a palette", "none");
  const rgb = lookUp(data as Uint8Array, palette);
  return { width, height, colors: 3, stride: 3, max: 255, data: rgb };
}
