/**
 * Where the files of CIFAR are on a disk: in a folder, in one that is in it, or in an archive.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { type Cifar, type CifarFiles, readCifar } from "../data/cifar.ts";
import { InputError } from "../errors.ts";
import { readTar } from "../formats/tar.ts";
import { readWhole } from "./files.ts";
import { isFolder, listFolder } from "./folder.ts";

/**
 * Reads CIFAR-10 or CIFAR-100.
 *
 * @param path the folder with the files, a folder around it, or the .tar.gz
 * @throws {InputError} as `readCifar`, and where a file can't be read
 */
export async function openCifar(path: string): Promise<Cifar> {
  return await readCifar(await isFolder(path) ? await foldersAt(path) : await foldersIn(path), path);
}

/** A folder, and the folders in it. */
async function foldersAt(path: string): Promise<CifarFiles[]> {
  const paths = [path, ...(await listFolder(path)).folders.map((name) => join(path, name))];
  return await Promise.all(paths.map(async (folder) => {
    const { images, others } = await listFolder(folder);
    const files = new Map(
      [...images, ...others].map((name) => [name, () => readWhole(join(folder, name))]),
    );
    return { path: folder, files };
  }));
}

/** The folders of an archive. */
async function foldersIn(path: string): Promise<CifarFiles[]> {
  const entries = await readTar(await readWhole(path), (found) => {
    throw new InputError(`Expected ${path} to be a folder or a .tar.gz of CIFAR, but found ${found}`);
  });
  const folders = new Map<string, Map<string, () => Promise<Uint8Array<ArrayBuffer>>>>();
  for (const [name, bytes] of entries) {
    const folder = join(path, dirname(name));
    if (!folders.has(folder)) folders.set(folder, new Map());
    folders.get(folder)!.set(basename(name), () => Promise.resolve(bytes));
  }
  return [...folders].map(([path, files]) => ({ path, files }));
}
