/**
 * TIFF and BigTIFF: the first page, in strips or tiles, colours side by side or in planes; grey, palette, RGB and CMYK of
 * 1 to 32 bits, also floats; plain, PackBits, LZW, Deflate, JPEG or fax. The library is loaded on first use. What it would
 * take on trust, or read wrongly without a word, is looked at here first.
 *
 * @module
 */
import type { GeoTIFFImage } from "npm:geotiff@^3.0.5";
import { known } from "./orientation.ts";
import { lookUp, MAX_PIXELS, type Opened, type Samples, unexpected } from "./samples.ts";
import {
  FAX,
  FLOAT,
  JPEG,
  type Numbers,
  type Page,
  PLAIN,
  readNumbers,
  RGB,
  SIGNED,
  UNSIGNED,
  YCBCR,
} from "./tiff_blocks.ts";

/** Values of PhotometricInterpretation, and what the others are called. */
const WHITE_IS_ZERO = 0, BLACK_IS_ZERO = 1, PALETTE = 3, CMYK = 5;
const KINDS: Record<number, string> = { 4: "a transparency mask", 6: "YCbCr", 8: "CIELab", 32844: "LogLuv" };
/** Values of Compression that are read, and what the others are called. */
const READ = [PLAIN, ...FAX, 5, JPEG, 8, 32946, 32773];
const COMPRESSIONS: Record<number, string> = {
  6: "JPEG of the old kind",
  9: "JBIG",
  34712: "JPEG 2000",
  34887: "LERC",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
  50002: "JPEG XL",
};
/** Values of ExtraSamples: opacity that colours have not been multiplied with. */
const UNASSOCIATED = 2;
/** Pixels of all tiles, also those outside of the image: no more than these. */
const MAX_TILED = 2 ** 27;
/** Bytes of all samples: as many as the largest picture of four samples of 16 bits has. */
const MAX_BYTES = 8 * MAX_PIXELS;
/** Compression that makes anything larger than this isn't meant as such. */
const MAX_GROWTH = 2, MAX_EXTRA = 2 ** 16;
/** Bytes of a number of each type. */
const TYPE_BYTES = [1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

/** Reads the tags of a file that starts as a TIFF. */
export async function openTiff(bytes: Uint8Array): Promise<Opened> {
  checkTags(bytes);
  const { fromArrayBuffer } = await import("npm:geotiff@^3.0.5");
  const page = await readPage(await (await fromArrayBuffer(bytes.buffer as ArrayBuffer)).getImage(0));
  const { width, height, image } = page;
  if (!(width > 0 && height > 0)) unexpected("a width and a height", "none");
  const orientation = known(Number(await image.fileDirectory.loadValue("Orientation") ?? 1));
  return {
    width,
    height,
    orientation,
    async decode() {
      await refuse(page, bytes.length);
      return await convert(page, await readNumbers(page));
    },
  };
}

/** The values of the first page's tags have to be in the file: room is made for as many as are said to be there. */
function checkTags(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), little = bytes[0] === 0x49;
  const big = view.getUint16(2, little) === 43;
  const offset = (at: number): number =>
    big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  const first = offset(big ? 8 : 4), entryBytes = big ? 20 : 12;
  const entries = big ? offset(first) : view.getUint16(first, little);
  let at = first + (big ? 8 : 2);
  if (at + entries * entryBytes > bytes.length) unexpected("a whole file", `${bytes.length} bytes`);
  for (let i = 0; i < entries; i++, at += entryBytes) {
    const size = (TYPE_BYTES[view.getUint16(at + 2, little)] ?? 0) * offset(at + 4);
    const isInside = size <= (big ? 8 : 4) || offset(at + (big ? 12 : 8)) + size <= bytes.length;
    if (!isInside) {
      unexpected("a whole file", `${bytes.length} bytes, with tag ${view.getUint16(at, little)} behind them`);
    }
  }
}

async function readPage(image: GeoTIFFImage): Promise<Page> {
  const { fileDirectory: tags } = image, stride = image.getSamplesPerPixel();
  const compression = tags.getValue("Compression") ?? PLAIN;
  const photometric = tags.getValue("PhotometricInterpretation") ?? BLACK_IS_ZERO;
  const bits = [...tags.getValue("BitsPerSample") ?? [1]],
    formats = [...await tags.loadValue("SampleFormat") ?? []];
  if (new Set(bits).size !== 1) unexpected("samples of one size", `${bits.join(", ")} bits`);
  if (!(stride >= 1 && stride <= 8)) unexpected("up to 8 samples a pixel", stride);
  tags.actualizedFields.set(258, Array(stride).fill(bits[0])); // the library wants it said, and for each
  return {
    image,
    width: image.getWidth(),
    height: image.getHeight(),
    bits: bits[0],
    stride,
    compression,
    photometric: photometric === YCBCR && compression === JPEG ? RGB : photometric, // as its decoder hands it over
    format: Number(formats[0] ?? UNSIGNED),
    block: [image.getTileWidth(), image.getTileHeight()],
  };
}

/** Throws what keeps a page from being read. */
async function refuse(page: Page, fileBytes: number): Promise<void> {
  const { image, width, height, bits, stride, compression, photometric, format, block: [w, h] } = page;
  const tags = image.fileDirectory, inPlanes = image.planarConfiguration === 2;
  if (!READ.includes(compression)) {
    unexpected(
      "pixels that are plain, or compressed by PackBits, LZW, Deflate, JPEG or as a fax",
      COMPRESSIONS[compression] ?? `compression ${compression}, of which nothing is known`,
    );
  }
  if (photometric > CMYK || ![WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK].includes(photometric)) {
    unexpected("grey, palette, RGB or CMYK", KINDS[photometric] ?? `another kind of colour, ${photometric}`);
  }
  const colors = samplesOf(photometric);
  if (stride < colors) unexpected(`${colors} samples a pixel`, stride);
  if (compression === JPEG && (bits !== 8 || inPlanes || ![1, 3].includes(stride) || stride !== colors)) {
    unexpected("grey or RGB of 8 bits where JPEG compresses them", `${stride} samples of ${bits} bits`);
  }
  if (format === UNSIGNED && !(bits >= 1 && bits <= 16 || bits === 32)) {
    unexpected("1 to 16 or 32 bits a sample", bits);
  }
  if (format === SIGNED && bits !== 16 && bits !== 32) unexpected("16 or 32 bits a signed sample", bits);
  if (format === FLOAT && ![16, 32, 64].includes(bits)) unexpected("16, 32 or 64 bits a float", bits);
  if (![UNSIGNED, SIGNED, FLOAT].includes(format)) {
    unexpected("whole numbers or floats", "complex ones or others");
  }
  if (photometric === PALETTE && (bits > 8 || format !== UNSIGNED)) {
    unexpected("up to 8 bits with a palette", bits);
  }
  if (FAX.includes(compression) && (bits !== 1 || stride !== 1)) {
    unexpected("black and white in a fax", `${stride} samples of ${bits} bits`);
  }
  if (Number(await tags.loadValue("FillOrder") ?? 1) !== 1 && !FAX.includes(compression)) {
    unexpected("the first pixel in the highest bit", "the lowest");
  }
  if (await tags.loadValue("Predictor") === 2 && !image.littleEndian && bits > 8) {
    unexpected("low bytes first where pixels are stored as differences of over 8 bits", "high bytes first");
  }
  const sampleBytes = width * height * stride * Math.ceil(bits / 8);
  if (sampleBytes > MAX_BYTES) unexpected(`samples of at most ${MAX_BYTES} bytes`, sampleBytes);

  const columns = Math.ceil(width / w),
    rows = Math.ceil(height / h),
    blocks = columns * rows * (inPlanes ? stride : 1);
  if (!(w > 0 && h > 0 && blocks * w * h <= MAX_TILED * (inPlanes ? stride : 1))) {
    unexpected("strips or tiles that fit the image", `some of ${w}×${h}`);
  }
  const kind = image.isTiled ? "Tile" : "Strip";
  const places = await tags.loadValue(`${kind}Offsets`) ?? [],
    sizes = await tags.loadValue(`${kind}ByteCounts`) ?? [];
  const found = Math.min(places.length, sizes.length);
  if (found < blocks) unexpected(`${blocks} strips or tiles`, found);
  const most = MAX_GROWTH * w * h * Math.ceil((inPlanes ? 1 : stride) * bits / 8) + MAX_EXTRA;
  for (let i = 0; i < blocks; i++) {
    const at = Number(places[i]), size = Number(sizes[i]);
    if (size === 0 || at + size > fileBytes) unexpected("a whole file", `one without strip or tile ${i + 1}`);
    if (size > most) unexpected(`a strip or tile of ${w}×${h} pixels`, `${size} bytes for it`);
  }
}

/** Samples a pixel that are its colour. */
function samplesOf(photometric: number): number {
  return photometric === RGB ? 3 : photometric === CMYK ? 4 : 1;
}

async function convert(page: Page, numbers: Numbers): Promise<Samples> {
  const { image, width, height, stride, photometric, compression } = page;
  const { data, max } = toSamples(page, numbers), lossy = compression === JPEG;
  if (photometric === PALETTE) {
    const map = await image.fileDirectory.loadValue("ColorMap") ?? unexpected("a palette", "none");
    // Three planes. Some writers store bytes times 256, some times 257: the upper byte is right for both.
    const count = map.length / 3,
      palette = Array.from({ length: count }, (_, i) => [0, 1, 2].map((c) => map[c * count + i] >> 8));
    const indices = Uint8Array.from({ length: width * height }, (_, i) => data[i * stride]);
    return { width, height, colors: 3, stride: 3, max: 255, data: lookUp(indices, palette) };
  }
  const colors = samplesOf(photometric), extra = await image.fileDirectory.loadValue("ExtraSamples");
  if (photometric === WHITE_IS_ZERO) {
    for (let i = 0; i < data.length; i += stride) {
      data[i] = max - data[i];
    }
  }
  if (photometric === CMYK) {
    for (let i = 0; i < data.length; i += stride) {
      for (let c = 0; c < 3; c++) data[i + c] = Math.round((max - data[i + c]) * (max - data[i + 3]) / max);
    }
    return { width, height, colors: 3, stride, max, lossy, data };
  }
  const alpha = stride > colors && Number(extra?.[0]) === UNASSOCIATED;
  return { width, height, colors: colors === 3 ? 3 : 1, stride, alpha, max, lossy, data };
}

/**
 * Whole numbers of up to 16 bits as they are. Larger ones and floats don't say what white is: it is 1 for floats of which none
 * is above, else 255 where none is above that, else 65535; what is negative is black.
 */
function toSamples(
  { bits, format }: Page,
  numbers: Numbers,
): { data: Uint8Array | Uint16Array; max: number } {
  if (numbers instanceof Uint8Array || numbers instanceof Uint16Array) {
    return { data: numbers, max: 2 ** bits - 1 };
  }
  let most = 0;
  for (const value of numbers) {
    if (!Number.isFinite(value)) unexpected("finite numbers", value);
    if (value > most) most = value;
  }
  if (most > 65535) unexpected("samples of up to 65535", most);
  const white = format === FLOAT && most <= 1 ? 1 : most <= 255 ? 255 : 65535, max = 65535;
  const data = new Uint16Array(numbers.length); // not `from`, which has all of them in a list first
  for (let i = 0; i < data.length; i++) data[i] = Math.max(0, Math.round(numbers[i] * max / white));
  return { data, max };
}
