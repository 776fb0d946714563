/**
 * Which images and folders lie in a folder: sorted by the code units of their names, hidden and unfinished ones left out,
 * links followed, images told by their extensions (what is inside decides only when they are decoded). Links that lead
 * nowhere, or back to a folder that they lie in, are left out with a note.
 *
 * @module
 */
import { extname, isAbsolute, join, relative, resolve } from "node:path";
import { byCodeUnits } from "../by_code_units.ts";
import { InputError } from "../errors.ts";
import { printable } from "../report/printable.ts";
import { isPartial, reason } from "./files.ts";

/** Extensions that count as images, in lower case. */
const EXTENSIONS = ".png .jpg .jpeg .jpe .jfif .bmp .tif .tiff .webp .gif".split(" ");

/** Told in a sentence, which names the file, what is left out of a folder. */
export type OnNote = (note: string) => void;

/** Names of what a folder holds. */
export interface Listing {
  folders: string[];
  images: string[];
  /** Files that don't count as images. */
  others: string[];
  /** What is hidden or unfinished: not looked at. */
  hidden: string[];
}

const LOOP = "is a link to a folder that it lies in", LOST = "is a link that leads nowhere";

/**
 * Lists a folder.
 *
 * @throws {InputError} where it is not there, not a folder, or can't be read
 */
export async function listFolder(path: string, onNote: OnNote = () => {}): Promise<Listing> {
  const listing: Listing = { folders: [], images: [], others: [], hidden: [] }, notes: string[] = [];
  let at = path, why: string | null;
  try {
    for await (const entry of Deno.readDir(path)) {
      const { name, isSymlink } = entry;
      at = join(path, name);
      if (name.startsWith(".") || isPartial(name)) {
        listing.hidden.push(name);
        continue;
      }
      if (isSymlink && (why = await leadsWrong(at, path))) {
        notes.push(leftOut(at, why));
        continue;
      }
      const { isDirectory, isFile } = isSymlink ? await Deno.stat(at) : entry;
      if (isDirectory) listing.folders.push(name);
      else if (isFile && isImageName(name)) listing.images.push(name); // reading anything else may never end
      else listing.others.push(name);
    }
  } catch (error) {
    throw new InputError(`Can't read ${at}: ${reason(error)}`);
  }
  for (const names of Object.values(listing)) names.sort(byCodeUnits);
  notes.sort(byCodeUnits).forEach(onNote);
  return listing;
}

/** What is wrong with a link in a folder, if anything. */
async function leadsWrong(link: string, folder: string): Promise<string | null> {
  const real = await Deno.realPath(link).catch(() => null), above = await Deno.realPath(folder);
  if (real === null) return LOST;
  const down = relative(real, above); // where the link leads up, from there down to the folder
  return down.startsWith("..") || isAbsolute(down) ? null : LOOP;
}

function leftOut(path: string, why: string): string {
  return printable(`${path} ${why}: it is left out`);
}

/** As `listFolder`, empty where there is no such folder. */
export async function listIfThere(path: string, onNote?: OnNote): Promise<Listing> {
  return await isFolder(path)
    ? await listFolder(path, onNote)
    : { folders: [], images: [], others: [], hidden: [] };
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
 * @param onNote told of links below folders that are left out
 * @throws {InputError} where one is not there, or a folder holds no image at any depth
 */
export async function listImages(paths: readonly string[], onNote?: OnNote): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (await isFolder(path)) {
      const before = found.length;
      for await (const file of filesUnder(path, onNote)) if (file.kind === "images") found.push(file.path);
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

/** A file below a folder, and where a `Listing` has it. */
export interface FoundFile {
  path: string;
  kind: "images" | "others" | "hidden";
}

/** All files below a folder, a folder's files and folders sorted by name together; hidden folders are not looked into. */
export async function* filesUnder(
  path: string,
  onNote: OnNote = () => {},
  around: readonly string[] = [],
): AsyncGenerator<FoundFile> {
  const real = await Deno.realPath(path);
  if (around.includes(real)) return onNote(leftOut(path, LOOP)); // by way of another link
  const { folders, ...files } = await listFolder(path, onNote), kinds = new Map<string, FoundFile["kind"]>();
  for (const kind of ["images", "others", "hidden"] as const) {
    for (const name of files[kind]) kinds.set(name, kind);
  }
  for (const name of [...folders, ...kinds.keys()].sort(byCodeUnits)) {
    const kind = kinds.get(name), at = join(path, name);
    if (kind === undefined) yield* filesUnder(at, onNote, [...around, real]);
    else yield { path: at, kind };
  }
}

/** A folder's own name, also for "." and "..". */
export function folderName(path: string): string {
  return resolve(path).split(/[\\/]/).at(-1)!;
}
