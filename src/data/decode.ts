/**
 * Any image file to its samples: the format is told by the first bytes, never by the file's name, and the declared
 * size is looked at before anything is allocated for it.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { openBmp } from "./bmp.ts";
import { openJpeg } from "./jpeg.ts";
import { openPng } from "./png.ts";
import type { Opened, Samples } from "./samples.ts";
import { openTiff } from "./tiff.ts";

/** Formats that can be read. */
export type ImageFormat = "PNG" | "JPEG" | "BMP" | "TIFF";

/** Least side in pixels, and most pixels of an image (8192×8192, about 1 GiB while it is being decoded). */
export const MIN_SIDE = 8, MAX_PIXELS = 2 ** 26;

const OPEN: Record<ImageFormat, (bytes: Uint8Array) => Opened | Promise<Opened>> = {
  PNG: openPng,
  JPEG: openJpeg,
  BMP: openBmp,
  TIFF: openTiff,
};

/** How files of known formats begin; those that can't be read are here for better errors. */
const SIGNATURES: [name: string, start: string][] = [
  ["PNG", "\x89PNG\r\n\x1a\n"],
  ["JPEG", "\xff\xd8\xff"],
  ["BMP", "BM"],
  ["TIFF", "II*\0"],
  ["TIFF", "MM\0*"],
  ["a GIF", "GIF8"],
  ["a RIFF file (WebP, most likely)", "RIFF"],
  ["a BigTIFF", "II+\0"],
  ["a BigTIFF", "MM\0+"],
  ["an OpenEXR image", "v/1\x01"],
];

/** The format of an image file; null for anything else. */
export function formatOf(bytes: Uint8Array): ImageFormat | null {
  const name = recognise(bytes);
  return name !== undefined && Object.hasOwn(OPEN, name) ? name as ImageFormat : null;
}

function recognise(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  return SIGNATURES.find(([, signature]) => start.startsWith(signature))?.[0];
}

/** Width and height, from the header alone. @throws {InputError} as `decodeSamples` does for the header */
export function imageSize(bytes: Uint8Array, name: string): Promise<{ width: number; height: number }> {
  return withImage(bytes, name, ({ width, height }) => ({ width, height }));
}

/**
 * Decodes an image file.
 *
 * @param name what errors call the file
 * @throws {InputError} where it is empty, of no known format, damaged, of a kind that is not read (animated, float,
 * CMYK), under 8 pixels a side or over 2^26 pixels
 */
export function decodeSamples(bytes: Uint8Array, name: string): Promise<Samples> {
  return withImage(bytes, name, (image) => image.decode());
}

async function withImage<T>(
  bytes: Uint8Array,
  name: string,
  use: (image: Opened) => T | Promise<T>,
): Promise<T> {
  const format = formatOf(bytes);
  if (format === null) {
    const found = bytes.length === 0 ? "an empty file" : recognise(bytes) ?? "something else";
    throw new InputError(`Expected ${name} to be a PNG, JPEG, BMP or TIFF image, but found ${found}`);
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
    if (width * height > MAX_PIXELS) {
      throw new InputError(
        `Expected ${name} to have at most ${MAX_PIXELS} pixels, but found ${width}×${height}`,
      );
    }
    return await use(image);
  } catch (error) {
    if (error instanceof InputError) throw error;
    // Decoders throw anything at all at damage; what is no plain Error tells of their insides, not of the file.
    const reason = error instanceof Error && error.name === "Error"
      ? error.message
      : "it is cut off or damaged";
    throw new InputError(`Can't read ${name} as a ${format} image: ${reason}`, { cause: error });
  }
}
