/**
 * Which images and folders lie in a folder: sorted by the code units of their names, hidden and unfinished ones left out,
 * links followed, images told by their extensions (what is inside decides only when they are decoded).
 *
 * @module
 */
import { extname, join, resolve } from "node:path";
import { byCodeUnits } from "../by_code_units.ts";
import { InputError } from "../errors.ts";
import { isPartial, reason } from "./files.ts";

/** Extensions that count as images, in lower case. */
const EXTENSIONS = [".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"];

/** Names of what a folder holds. */
export interface Listing {
  folders: string[];
  images: string[];
  /** Files that don't count as images. */
  others: string[];
}

/** @throws {InputError} where it is not there, not a folder, or can't be read */
export async function listFolder(path: string): Promise<Listing> {
  const listing: Listing = { folders: [], images: [], others: [] };
  let at = path;
  try {
    for await (const { name } of Deno.readDir(path)) {
      if (name.startsWith(".") || isPartial(name)) continue;
      at = join(path, name);
      if (await isFolder(at)) listing.folders.push(name); // a link that leads nowhere counts as a file
      else if (isImageName(name)) listing.images.push(name);
      else listing.others.push(name);
    }
  } catch (error) {
    throw new InputError(`Can't read ${at}: ${reason(error)}`);
  }
  for (const names of Object.values(listing)) names.sort(byCodeUnits);
  return listing;
}

/** As `listFolder`, empty where there is no such folder. */
export async function listIfThere(path: string): Promise<Listing> {
  return await isFolder(path) ? await listFolder(path) : { folders: [], images: [], others: [] };
}

/** Whether there is a folder of that path. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}

/** Whether a file of that name counts as an image. */
export function isImageName(name: string): boolean {
  return EXTENSIONS.includes(extname(name).toLowerCase());
}

/**
 * Image files to score: files as they are, whatever their extension, and all images below folders, a folder's images
 * and folders sorted by name together. The order given is kept, and so is what is given twice.
 *
 * @throws {InputError} where one is not there, or a folder holds no image at any depth
 */
export async function listImages(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (await isFolder(path)) {
      const before = found.length;
      await addImages(path, found, []);
      if (found.length === before) {
        throw new InputError(`Expected images (${EXTENSIONS.join(" ")}) in ${path}, but found none`);
      }
    } else {
      await Deno.stat(path).catch(() => {
        throw new InputError(`Expected ${path} to be an image or a folder, but found no such file`);
      });
      found.push(path);
    }
  }
  return found;
}

/** @param around real paths of the folders around, which a link must not lead back into */
async function addImages(path: string, found: string[], around: readonly string[]): Promise<void> {
  const real = await Deno.realPath(path);
  if (around.includes(real)) throw new InputError(`${path} is a link to a folder that it lies in`);
  const { folders, images } = await listFolder(path);
  for (const name of [...folders, ...images].sort(byCodeUnits)) {
    if (folders.includes(name)) await addImages(join(path, name), found, [...around, real]);
    else found.push(join(path, name));
  }
}

/** A folder's own name, also for "." and "..". */
export function folderName(path: string): string {
  return resolve(path).split(/[\\/]/).at(-1)!;
}
