/**
 * Images as files, by their paths, and those of CIFAR (cifar_images.ts) by theirs. A mask is a file or a folder of several.
 *
 * @module
 */
import { join } from "node:path";
import { imageSize } from "../data/decode.ts";
import { decodeImage, decodeMask, type Mask } from "../data/image.ts";
import { type Images, type Picture, requireSameSize, type Size } from "../data/images.ts";
import { InputError } from "../errors.ts";
import { sha256 } from "../sha256.ts";
import { isCifar, readCifarImage } from "./cifar_images.ts";
import { readWhole } from "./files.ts";
import { isFolder, listFolder } from "./folder.ts";

/** All image files that this program can read. */
export const files: Images = {
  async open(path: string): Promise<Picture> {
    if (isCifar(path)) {
      const image = await readCifarImage(path);
      return { hash: await sha256(image.data), decode: () => Promise.resolve(image) };
    }
    const bytes = await readWhole(path);
    return { hash: await sha256(bytes), decode: () => decodeImage(bytes, path) };
  },
  async mask(path: string, image: string): Promise<Mask> {
    return await readMask(path, await imageSize(await readWhole(image), image));
  },
};

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
    requireSameSize(file, mask, { width, height });
    mask.data.forEach((on, i) => data[i] |= on);
  }
  return { width, height, data };
}

/** A mask file, or those in a folder of masks. */
export async function maskFiles(path: string): Promise<string[]> {
  return await isFolder(path) ? (await listFolder(path)).images.map((name) => join(path, name)) : [path];
}
