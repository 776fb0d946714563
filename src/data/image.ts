/**
 * Images and masks in memory, from and to files: RGB bytes whatever the file held (grey and palette expanded, alpha
 * dropped, 16 bit divided by 257 and rounded; docs/method.md §1).
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { decodeSamples } from "./decode.ts";
import { writePng } from "./png.ts";

/** A picture: red, green and blue bytes, [height, width, 3]. */
export interface Image {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 3 · width · height bytes, row after row. */
  readonly data: Uint8Array;
}

/** Which pixels are anomalous: 0 or 1, [height, width]. */
export interface Mask {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** width · height bytes, row after row. */
  readonly data: Uint8Array;
}

/**
 * Decodes a PNG, JPEG, BMP or TIFF file. JPEGs come as they are stored, whatever orientation EXIF wants.
 *
 * @param name what errors call the file
 * @throws {InputError} as `decodeSamples` in decode.ts: no such image, damaged, too small or too large
 */
export async function decodeImage(bytes: Uint8Array, name = "the image"): Promise<Image> {
  const { width, height, colors, stride, max, data } = await decodeSamples(bytes, name);
  const rgb = new Uint8Array(3 * width * height);
  // One sample more than a byte holds times 255 over max: a division by 257 for 16 bits.
  const toByte = Uint8Array.from({ length: max + 1 }, (_, value) => Math.round(value * 255 / max));
  for (let from = 0, to = 0; to < rgb.length; from += stride, to += 3) {
    rgb[to] = toByte[data[from]];
    rgb[to + 1] = toByte[data[from + (colors === 3 ? 1 : 0)]];
    rgb[to + 2] = toByte[data[from + (colors === 3 ? 2 : 0)]];
  }
  return { width, height, data: rgb };
}

/** An image's pixels, decoded where it is a file's bytes. @throws {InputError} where it is neither, or damaged */
export async function pixelsOf(image: Uint8Array | Image, name: string): Promise<Image> {
  if (image instanceof Uint8Array) return await decodeImage(image, name);
  checkPixels(image, name);
  return image;
}

/** Checks what is said to be an image: callers in JavaScript may have given anything. @throws {InputError} */
export function checkPixels(image: Image, name: string): void {
  const { width, height, data }: Partial<Image> = image ?? {};
  const isSide = (side: unknown) => Number.isSafeInteger(side) && side as number > 0;
  if (isSide(width) && isSide(height) && data instanceof Uint8Array && data.length === 3 * width! * height!) {
    return;
  }
  const found = typeof image === "string"
    ? `the text ${JSON.stringify(image)}`
    : data instanceof Uint8Array
    ? `${width}×${height} with ${data.length} bytes`
    : image === null
    ? "null"
    : typeof image;
  throw new InputError(
    `Expected ${name} to be a file's bytes (Uint8Array), or { width, height, data } of 3 bytes a pixel, but found ${found}`,
  );
}

/**
 * Decodes a mask of the same formats: a pixel is anomalous where any colour is above 0, alpha aside.
 *
 * @param name what errors call the file
 * @throws {InputError} as `decodeImage`
 */
export async function decodeMask(bytes: Uint8Array, name = "the mask"): Promise<Mask> {
  const { width, height, colors, stride, data } = await decodeSamples(bytes, name);
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) {
    for (let c = i * stride; c < i * stride + colors; c++) if (data[c] > 0) mask[i] = 1;
  }
  return { width, height, data: mask };
}

/** An RGB PNG file. */
export function encodePng({ width, height, data }: Image): Uint8Array {
  return writePng(data, width, height, 3);
}

/** A grey PNG file. @param grey one byte a pixel, [height, width] */
export function encodeGreyPng({ width, height, data: grey }: Mask): Uint8Array {
  return writePng(grey, width, height, 1);
}
