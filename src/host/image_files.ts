/**
 * Images as files, by their paths, and those of CIFAR (cifar_images.ts) by theirs. A mask is a file or a folder of several.
 *
 * @module
 */
import { join } from "node:path";
import { imageHeader, imageSize } from "../data/decode.ts";
import { decodeImage, type Mask } from "../data/image.ts";
import type { Images, Picture } from "../data/images.ts";
import { type MaskOwner, readMask } from "../data/mask.ts";
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
      const given = () => Promise.resolve(image);
      return { hash: await sha256(image.data), size: given, decode: given };
    }
    return await pictureOf(await readWhole(path), path);
  },
  async mask(path: string, image: string): Promise<Mask> {
    return (await readMaskFiles(path, await imageHeader(await readWhole(image), image))).mask;
  },
};

/** An image by its file's bytes. @param name what errors call it */
export async function pictureOf(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Picture> {
  return {
    hash: await sha256(bytes),
    size: () => imageSize(bytes, name),
    decode: () => decodeImage(bytes, name),
  };
}

/** A mask, and what was taken for granted of which of its files. */
export interface ReadMaskFiles {
  mask: Mask;
  notes: { file: string; note: string }[];
}

/**
 * Reads a mask file, or unites all in a folder.
 *
 * @param image what the header of its image says
 * @throws {InputError} where a file can't be read or has another size, or a folder holds none
 */
export async function readMaskFiles(path: string, image: MaskOwner): Promise<ReadMaskFiles> {
  const files = await maskFiles(path), { width, height } = image;
  if (files.length === 0) throw new InputError(`Expected masks in ${path}, but found none`);
  const data = new Uint8Array(width * height), found: ReadMaskFiles["notes"] = [];
  for (const file of files) {
    const { mask, notes } = await readMask(await readWhole(file), file, image);
    mask.data.forEach((on, i) => data[i] |= on);
    found.push(...notes.map((note) => ({ file, note })));
  }
  return { mask: { width, height, data }, notes: found };
}

/** A mask file, or those in a folder of masks. */
export async function maskFiles(path: string): Promise<string[]> {
  return await isFolder(path) ? (await listFolder(path)).images.map((name) => join(path, name)) : [path];
}
