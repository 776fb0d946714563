/**
 * Images in memory, from and to files: RGB bytes whatever the file held (grey and palette expanded, alpha composed on black,
 * 16 bit divided by 257 and rounded; docs/method.md §1).
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
 * Decodes a PNG, JPEG, BMP, TIFF, WebP or GIF file to the upright picture, on black where it is transparent.
 *
 * @param name what errors call the file
 * @throws {InputError} as `decodeSamples` in decode.ts: no such image, damaged, too small or too large
 */
export async function decodeImage(bytes: Uint8Array, name = "the image"): Promise<Image> {
  const { width, height, colors, stride, alpha, max, data } = await decodeSamples(bytes, name);
  if (colors === 3 && !alpha && max === 255) {
    return { width, height, data: withoutFourth(data, stride, 3 * width * height) };
  }
  const rgb = new Uint8Array(3 * width * height), [red, green, blue] = colors === 3 ? [0, 1, 2] : [0, 0, 0];
  // One sample more than a byte holds times 255 over max: a division by 257 for 16 bits.
  const toByte = Uint8Array.from({ length: max + 1 }, (_, value) => Math.round(value * 255 / max));
  for (let from = 0, to = 0; to < rgb.length; from += stride, to += 3) {
    rgb[to] = toByte[data[from + red]];
    rgb[to + 1] = toByte[data[from + green]];
    rgb[to + 2] = toByte[data[from + blue]];
    const opacity = alpha ? data[from + colors] : max;
    if (opacity < max) {
      [red, green, blue].forEach((c, i) =>
        rgb[to + i] = Math.round(data[from + c] * opacity * 255 / max ** 2)
      );
    }
  }
  return { width, height, data: rgb };
}

/** Bytes of three colours, without what may lie between them. Most images are such: no table, no opacity to ask for. */
function withoutFourth(data: Uint8Array | Uint16Array, stride: number, length: number): Uint8Array {
  if (stride === 3 && data instanceof Uint8Array) return data.slice(0, length);
  const rgb = new Uint8Array(length);
  for (let from = 0, to = 0; to < length; from += stride, to += 3) {
    rgb[to] = data[from];
    rgb[to + 1] = data[from + 1];
    rgb[to + 2] = data[from + 2];
  }
  return rgb;
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

/** An RGB PNG file. */
export function encodePng({ width, height, data }: Image): Uint8Array {
  return writePng(data, width, height, 3);
}

/** A grey PNG file. @param grey one byte a pixel, [height, width] */
export function encodeGreyPng({ width, height, data: grey }: Mask): Uint8Array {
  return writePng(grey, width, height, 1);
}
