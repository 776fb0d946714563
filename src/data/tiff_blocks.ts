/**
 * A TIFF's strips and tiles: decompressed, JPEG as all JPEGs are, faxes here, the rest by the library; and put together, of
 * each what lies in the picture.
 *
 *     out      [height, width, stride]: a pixel's samples side by side
 *     block    [h, w, stride], or [h, w] of one sample where colours are in planes; the last rows may be missing
 *
 * @module
 */
import type { DecoderWorker, GeoTIFFImage } from "npm:geotiff@^3.0.5";
import { decodeFax } from "./fax.ts";
import { adobe, openJpeg, START } from "./jpeg.ts";
import { join, listening, unexpected } from "./samples.ts";

/** Values of Compression. */
export const PLAIN = 1, FAX: readonly number[] = [2, 3, 4], JPEG = 7;
/** Values of PhotometricInterpretation. */
export const RGB = 2, YCBCR = 6;
/** Values of SampleFormat. */
export const UNSIGNED = 1, SIGNED = 2, FLOAT = 3;

/** What is known of a page before its pixels are decoded. */
export interface Page {
  image: GeoTIFFImage;
  width: number;
  height: number;
  /** Bits a sample. */
  bits: number;
  /** Samples a pixel. */
  stride: number;
  compression: number;
  photometric: number;
  /** SampleFormat */
  format: number;
  /** Pixels a side of a strip or tile. */
  block: [width: number, height: number];
}

/** Samples as the file has them. */
export type Numbers =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int16Array
  | Int32Array
  | Float16Array
  | Float32Array
  | Float64Array;

/** All samples of a page. @throws {Error} where a strip or a tile is damaged, or has less than is wanted of it */
export async function readNumbers(page: Page): Promise<Numbers> {
  const { image, width, height, stride, block: [w, h] } = page,
    decoder = await decoderOf(page) as DecoderWorker;
  const planes = image.planarConfiguration === 2 ? stride : 1, each = stride / planes;
  const out = new (kindOf(page))(width * height * stride);
  for (let plane = 0; plane < planes; plane++) {
    for (let top = 0; top < height; top += h) {
      for (let left = 0; left < width; left += w) {
        const { data } = await image.getTileOrStrip(left / w, top / h, plane, decoder);
        const values = valuesIn(page, data),
          rows = Math.min(h, height - top),
          columns = Math.min(w, width - left);
        if (values.length < ((rows - 1) * w + columns) * each) {
          unexpected("whole strips and tiles", "one that is cut off");
        }
        for (let row = 0; row < rows; row++) {
          const from = row * w * each, to = ((top + row) * width + left) * stride + plane;
          if (planes === 1) out.set(values.subarray(from, from + columns * each), to);
          else for (let x = 0; x < columns; x++) out[to + x * stride] = values[from + x];
        }
      }
    }
  }
  return out;
}

/** The array that holds samples of a page. */
function kindOf({ bits, format }: Page) {
  if (format === FLOAT) return bits === 16 ? Float16Array : bits === 32 ? Float32Array : Float64Array;
  if (format === SIGNED) return bits === 16 ? Int16Array : Int32Array;
  return bits <= 8 ? Uint8Array : bits <= 16 ? Uint16Array : Uint32Array;
}

/** A block's values. Those of 9 to 15 bits, and of less than 8, the library has unpacked, low bytes first. */
function valuesIn(page: Page, block: ArrayBufferLike): Numbers {
  const Kind = kindOf(page), size = Kind.BYTES_PER_ELEMENT, count = Math.floor(block.byteLength / size);
  if (page.image.littleEndian || page.bits !== 8 * size) return new Kind(block as ArrayBuffer, 0, count);
  const bytes = new Uint8Array(block as ArrayBuffer).slice(0, count * size); // what the file holds stays as it is
  for (let at = 0; at < bytes.length; at += size) {
    for (let low = at, high = at + size - 1; low < high; low++, high--) {
      const byte = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = byte;
    }
  }
  return new Kind(bytes.buffer, 0, count);
}

/** What makes pixels of a strip's or a tile's bytes. */
interface BlockDecoder {
  decode(block: ArrayBufferLike): Promise<ArrayBufferLike>;
}

async function decoderOf(page: Page): Promise<BlockDecoder> {
  const { compression, image, block: [tileWidth, tileHeight] } = page,
    { fileDirectory: tags, planarConfiguration } = image;
  if (compression === JPEG || FAX.includes(compression)) {
    tags.actualizedFields.set(259, PLAIN); // so that the library doesn't look for a decoder
    return compression === JPEG ? await jpegDecoder(page) : await faxDecoder(page);
  }
  const { getDecoder } = await import("npm:geotiff@^3.0.5");
  const decoder = await getDecoder(compression, {
    tileWidth,
    tileHeight,
    planarConfiguration,
    bitsPerSample: tags.getValue("BitsPerSample") ?? [],
    predictor: Number(await tags.loadValue("Predictor") ?? 1),
  });
  return { decode: (block) => listening(() => decoder.decode(block)).result }; // what is missing is missed below
}

async function faxDecoder({ image, compression, block: [width, height] }: Page): Promise<BlockDecoder> {
  const options = {
    compression: compression as 2 | 3 | 4,
    twoDimensional: (Number(await image.fileDirectory.loadValue("T4Options") ?? 0) & 1) === 1,
    lowFirst: Number(await image.fileDirectory.loadValue("FillOrder") ?? 1) === 2,
  };
  return {
    decode: (block) => Promise.resolve(decodeFax(new Uint8Array(block), width, height, options).buffer),
  };
}

async function jpegDecoder({ image, photometric, stride, block: [w, h] }: Page): Promise<BlockDecoder> {
  const tables = Uint8Array.from(await image.fileDirectory.loadValue("JPEGTables") ?? []);
  const isYcbcr = image.fileDirectory.getValue("PhotometricInterpretation") === YCBCR;
  // Tables lie between a start and an end of their own. What the colours are, only the TIFF says.
  const head = join([START, ...photometric === RGB ? [adobe(isYcbcr ? 1 : 0)] : [], tables.subarray(2, -2)]);
  return {
    async decode(block: ArrayBuffer): Promise<ArrayBuffer> {
      const { width, height, decode } = openJpeg(join([head, new Uint8Array(block, 2)]));
      if (width !== w || height > h) unexpected(`JPEGs of ${w}×${h} pixels`, `${width}×${height}`);
      const samples = await decode(), out = new Uint8Array(width * height * stride);
      for (let i = 0; i < out.length; i++) {
        out[i] = samples.data[Math.floor(i / stride) * samples.stride + i % stride];
      }
      return out.buffer;
    },
  };
}
