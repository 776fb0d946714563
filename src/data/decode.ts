/**
 * Any image file to its samples: the format is told by the first bytes, never by the file's name, and the declared
 * size is looked at before anything is allocated for it.
 *
 * @module
 */
import { InputError, shortened } from "../errors.ts";
import { openBmp } from "./bmp.ts";
import { openGif } from "./gif.ts";
import { openJpeg } from "./jpeg.ts";
import { type Size, upright, uprightSize } from "./orientation.ts";
import { openPng } from "./png.ts";
import { MAX_PIXELS, type Opened, type Samples, TooManyPixels } from "./samples.ts";
import { openTiff } from "./tiff.ts";
import { openWebp } from "./webp.ts";

/** Formats that can be read. */
export type ImageFormat = "PNG" | "JPEG" | "BMP" | "TIFF" | "WebP" | "GIF";

/** Characters of what is wrong with a file: it may name all that a field has, which may be much. */
const MOST_SAID = 200;

/** Least side in pixels. */
export const MIN_SIDE = 8;

const OPEN: Record<ImageFormat, (bytes: Uint8Array) => Opened | Promise<Opened>> = {
  PNG: openPng,
  JPEG: openJpeg,
  BMP: openBmp,
  TIFF: openTiff,
  WebP: openWebp,
  GIF: openGif,
};

/** How files of known formats begin, ? being any byte; those that can't be read are here for better errors. */
const SIGNATURES: [name: string, start: string][] = [
  ["PNG", "\x89PNG\r\n\x1a\n"],
  ["JPEG", "\xff\xd8\xff"],
  ["BMP", "BM"],
  ["TIFF", "II*\0"],
  ["TIFF", "MM\0*"],
  ["TIFF", "II+\0"],
  ["TIFF", "MM\0+"],
  ["WebP", "RIFF????WEBP"],
  ["GIF", "GIF87a"],
  ["GIF", "GIF89a"],
  ["an AVIF image", "????ftypavi"],
  ["a HEIC image", "????ftyphei"],
  ["a HEIC image", "????ftypmif"],
  ["a JPEG 2000 image", "????jP  "],
  ["a JPEG XL image", "\xff\x0a"],
  ["a JPEG XL image", "????JXL "],
  ["an OpenEXR image", "v/1\x01"],
];

/** The format of an image file; null for anything else. */
export function formatOf(bytes: Uint8Array): ImageFormat | null {
  const name = recognise(bytes);
  return name !== undefined && Object.hasOwn(OPEN, name) ? name as ImageFormat : null;
}

function recognise(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  const fits = (signature: string) => [...signature].every((byte, i) => byte === "?" || byte === start[i]);
  return SIGNATURES.find(([, signature]) => fits(signature))?.[0];
}

/** What is known of an image from its header alone. */
export interface ImageHeader extends Size {
  readonly format: ImageFormat;
  /** How it is stored, as EXIF counts: 1 upright, to 8. Width and height are those of the upright picture. */
  readonly orientation: number;
}

/** What an image's header says. @throws {InputError} as `decodeSamples` does for the header */
export function imageHeader(bytes: Uint8Array, name: string): Promise<ImageHeader> {
  return withImage(bytes, name, (image, format) => {
    const { orientation = 1 } = image;
    return { format, orientation, ...uprightSize(image, orientation) };
  });
}

/** Width and height of the upright picture, from the header alone. @throws {InputError} as `imageHeader` */
export async function imageSize(bytes: Uint8Array, name: string): Promise<Size> {
  const { width, height } = await imageHeader(bytes, name);
  return { width, height };
}

/**
 * Decodes an image file, and brings it upright where it says that it isn't.
 *
 * @param name what errors call the file
 * @throws {InputError} where it is empty, of no known format, damaged, of a kind that is not read, under 8 pixels a side or
 * over 2^26 pixels
 */
export function decodeSamples(bytes: Uint8Array, name: string): Promise<Samples> {
  return withImage(bytes, name, async (image) => upright(await image.decode(), image.orientation ?? 1));
}

async function withImage<T>(
  bytes: Uint8Array,
  name: string,
  use: (image: Opened, format: ImageFormat) => T | Promise<T>,
): Promise<T> {
  const format = formatOf(bytes);
  if (format === null) {
    const found = bytes.length === 0 ? "an empty file" : recognise(bytes) ?? "something else";
    throw new InputError(
      `Expected ${name} to be a PNG, JPEG, BMP, TIFF, WebP or GIF image, but found ${found}`,
    );
  }
  try {
    // A view into a larger buffer is copied: the TIFF reader would read on behind its end.
    const image = await OPEN[format](bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice());
    const { width, height } = image;
    if (Math.min(width, height) < MIN_SIDE) {
      throw new InputError(
        `Expected ${name} to be at least ${MIN_SIDE} pixels a side, but found ${width}×${height}`,
      );
    }
    if (width * height > MAX_PIXELS) throw new TooManyPixels(name, MAX_PIXELS, width, height);
    return await use(image, format);
  } catch (error) {
    if (error instanceof InputError) throw error;
    // Decoders throw anything at all at damage; what is no plain Error tells of their insides, not of the file.
    const reason = error instanceof Error && error.name === "Error"
      ? shortened(error.message, MOST_SAID)
      : "it is cut off or damaged";
    throw new InputError(`Can't read ${name} as a ${format} image: ${reason}`, { cause: error });
  }
}
