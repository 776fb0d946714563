/**
 * Image files to the bytes a backbone takes, batch by batch so that memory stays bounded however many there are, and
 * masks at the same size.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { readWhole } from "./files.ts";
import { isCifar, readCifarImage } from "./cifar_images.ts";
import { imageSize } from "../data/decode.ts";
import { isFolder, listFolder } from "./folder.ts";
import { decodeImage, decodeMask, type Image, type Mask } from "../data/image.ts";
import { resizeBilinear, resizeNearest } from "../data/resize.ts";

/** SHA-256 of a file's bytes, lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** An image that has been found, to be decoded when it is needed. */
interface Picture {
  /** SHA-256 of its bytes, lower-case hex. */
  hash: string;
  decode: () => Promise<Image>;
}

async function openPicture(path: string): Promise<Picture> {
  if (isCifar(path)) {
    const image = await readCifarImage(path);
    return { hash: sha256(image.data), decode: () => Promise.resolve(image) };
  }
  const bytes = await readWhole(path);
  return { hash: sha256(bytes), decode: () => decodeImage(bytes, path) };
}

/** n images at S×S. */
export interface ImageBatch {
  /** Where each stands in the paths given. */
  indices: number[];
  /** SHA-256 of each image's bytes. */
  hashes: string[];
  /** RGB [n, S, S, 3]. */
  data: Uint8Array<ArrayBuffer>;
}

/** How to load. */
export interface LoadOptions {
  /** Images at once, 16 by default; the last batch may have fewer. */
  batch?: number;
  /**
   * Asked of every image before it is decoded; where the answer is true it is in no batch. Features that are known
   * from the file's hash save decoding.
   */
  skip?: (hash: string, index: number) => boolean | Promise<boolean>;
  /** Called after each image, skipped or not, with the number done so far. */
  onImage?: (done: number) => void;
}

/**
 * Reads, decodes and resizes images, in the order of `paths`.
 *
 * @param S pixels a side
 * @throws {InputError} where a file can't be read or is no image, naming it
 */
export async function* loadImages(
  paths: readonly string[],
  S: number,
  { batch = 16, skip = () => false, onImage }: LoadOptions = {},
): AsyncGenerator<ImageBatch> {
  let indices: number[] = [], hashes: string[] = [], data = new Uint8Array(0);
  for (const [index, path] of paths.entries()) {
    const { hash, decode } = await openPicture(path);
    if (!await skip(hash, index)) {
      if (indices.length === 0) data = new Uint8Array(Math.min(batch, paths.length - index) * S * S * 3);
      data.set(resizeBilinear(await decode(), S), indices.length * S * S * 3);
      indices.push(index);
      hashes.push(hash);
    }
    onImage?.(index + 1);
    if (indices.length === batch) {
      yield { indices, hashes, data };
      indices = [], hashes = [];
    }
  }
  if (indices.length > 0) yield { indices, hashes, data: data.slice(0, indices.length * S * S * 3) };
}

/**
 * One image at S×S.
 *
 * @returns RGB [S, S, 3]
 * @throws {InputError} where the file can't be read or is no image
 */
export async function loadImage(path: string, S: number): Promise<Uint8Array> {
  return resizeBilinear(await (await openPicture(path)).decode(), S);
}

/**
 * An image's mask at S×S.
 *
 * @param mask its file, or a folder of several; null for a normal image, which has no anomalous pixel
 * @param image the image's file, whose size the mask must have
 * @returns 0 or 1, [S, S]
 * @throws {InputError} where one can't be read, or their sizes differ
 */
export async function loadMask(mask: string | null, image: string, S: number): Promise<Uint8Array> {
  if (mask === null) return new Uint8Array(S * S);
  return resizeNearest(await readMask(mask, await imageSize(await readWhole(image), image)), S);
}

/**
 * Reads a mask file, or unites all in a folder.
 *
 * @param size of the image that it belongs to
 * @throws {InputError} where a file can't be read or has another size, or a folder holds none
 */
export async function readMask(path: string, { width, height }: Size): Promise<Mask> {
  const files = await maskFiles(path);
  if (files.length === 0) throw new InputError(`Expected masks in ${path}, but found none`);
  const data = new Uint8Array(width * height);
  for (const file of files) {
    const mask = await decodeMask(await readWhole(file), file);
    refuseOtherSize(file, mask, { width, height });
    mask.data.forEach((on, i) => data[i] |= on);
  }
  return { width, height, data };
}

/** A mask file, or those in a folder of masks. */
export async function maskFiles(path: string): Promise<string[]> {
  return await isFolder(path) ? (await listFolder(path)).images.map((name) => join(path, name)) : [path];
}

/** Pixels. */
export interface Size {
  width: number;
  height: number;
}

/** @throws {InputError} where the mask of a path has another size than its image */
function refuseOtherSize(path: string, mask: Size, image: Size): void {
  if (mask.width !== image.width || mask.height !== image.height) {
    throw new InputError(
      `Expected ${path} to be ${image.width}×${image.height} pixels as its image is, ` +
        `but found ${mask.width}×${mask.height}`,
    );
  }
}
