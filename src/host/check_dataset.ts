/**
 * What a data set holds and what is wrong with it: every file is read and decoded, and nothing stops at the first fault.
 *
 * @module
 */
import { dirname, extname, join } from "node:path";
import { type Category, withoutMask } from "../data/category.ts";
import { formatOf, type ImageFormat } from "../data/decode.ts";
import { decodeImage } from "../data/image.ts";
import { sha256 } from "../sha256.ts";
import { checkImages, isFlat, Notes, orNull } from "./check_images.ts";
import { isCifar } from "./cifar_images.ts";
import { categoryFolders, listCategories, scanCategory } from "./dataset.ts";
import { readWhole } from "./files.ts";
import { filesUnder, isFolder, listFolder, type OnNote } from "./folder.ts";
import { maskFiles } from "./image_files.ts";

/** Extensions of images that are not read. */
const UNREAD = ".avif .heic .heif .jp2 .j2k .jxl .ppm .pgm .pbm .pnm .tga .exr .dng .raw .svg .psd".split(
  " ",
);

/** What a category holds. */
export interface CategoryCheck {
  name: string;
  /** Numbers of images. */
  train: number;
  anomalous: number;
  testGood: number;
  testDefect: number;
  /** Test images of each defect. */
  defects: Record<string, number>;
  /** Least and most pixels; null where no image could be decoded. */
  width: [least: number, most: number] | null;
  height: [least: number, most: number] | null;
  /** How many different sizes there are. */
  sizes: number;
  /** Images of each format. */
  formats: Partial<Record<ImageFormat, number>>;
  /** Sentences: what training or evaluation will refuse. */
  errors: string[];
  /** Sentences: what is allowed but may not be meant. */
  warnings: string[];
}

/**
 * Checks categories of a data set.
 *
 * @param names some of `listCategories(root)`; all by default
 * @param onImage called after each image with the numbers of images done and found in its category
 * @throws {InputError} where ROOT is missing or holds no category, or one of `names` is not there
 */
export async function checkDataset(
  root: string,
  names?: readonly string[],
  onImage?: (category: string, done: number, total: number) => void,
): Promise<CategoryCheck[]> {
  const checks: CategoryCheck[] = [];
  for (const name of names ?? await listCategories(root)) {
    checks.push(await checkCategory(root, name, onImage));
  }
  return checks;
}

/**
 * What lies in ROOT beside its categories, in sentences.
 *
 * @throws {InputError} where ROOT is missing or holds no category
 */
export async function checkRoot(root: string): Promise<string[]> {
  const folders = new Set((await categoryFolders(root)).values());
  if (folders.size === 0 || folders.has(root)) return []; // a table tells, or all of ROOT is checked as a category
  const notes: string[] = [], listing = await listFolder(root, (note) => notes.push(note));
  const beside = listing.folders.map((name) => join(root, name)).filter((path) => !folders.has(path));
  const count = (paths: string[], what: string): void => {
    if (paths.length > 0) notes.push(`${root} has ${paths.length} ${what}, as ${paths[0]}`);
  };
  count(beside, "folders without images to train on");
  count(
    listing.images.map((name) => join(root, name)),
    "images beside the categories, which are not looked at",
  );
  count([...listing.others, ...listing.hidden].map((name) => join(root, name)), "files that are left aside");
  return notes;
}

async function checkCategory(
  root: string,
  name: string,
  onImage?: (category: string, done: number, total: number) => void,
): Promise<CategoryCheck> {
  const warnings: string[] = [],
    tell = (note: string): void => void (warnings.includes(note) || warnings.push(note));
  const { category, errors } = await scanCategory(root, name, tell);
  const { train, anomalous, test } = category;
  const formats: CategoryCheck["formats"] = {}, defects: Record<string, number> = {};
  const sizes = new Set<string>(), widths: number[] = [], heights: number[] = [];
  const firstOf = new Map<string, string>(), notes = new Notes(); // by hash

  for (const { label, defect } of test) if (label === 1) defects[defect] = (defects[defect] ?? 0) + 1;
  const found = await checkImages(category, {
    async onDecoded(path, bytes, image) {
      const format = formatOf(bytes)!, hash = await sha256(bytes), first = firstOf.get(hash);
      formats[format] = (formats[format] ?? 0) + 1;
      sizes.add(`${image.width}×${image.height}`);
      widths.push(image.width);
      heights.push(image.height);
      if (isFlat(image)) notes.add(path, "is of a single colour");
      if (first === undefined) firstOf.set(hash, path);
      else warnings.push(`${path} holds the same bytes as ${first}`);
    },
    onImage: (done, total) => onImage?.(name, done, total),
  });
  errors.push(...found.errors);
  const missing = new Set(withoutMask(test));
  for (const image of [...anomalous.map((image) => ({ ...image, label: 1 })), ...test]) {
    if (image.label === 0 || image.mask !== null || isCifar(root)) continue;
    if (missing.has(image as typeof test[number])) {
      errors.push(`Expected a mask for ${image.path}, as other anomalous test images have one`);
    } else notes.add(image.path, "has a defect but no mask: pixel metrics need one");
  }
  warnings.push(...found.notes, ...notes.sentences());
  if (!isCifar(root)) {
    const used = await pathsOf(category);
    await orNull(async () => await checkRest(await folderOf(root, name), used, tell), tell);
  }
  return {
    name,
    train: train.length,
    anomalous: anomalous.length,
    testGood: test.filter(({ label }) => label === 0).length,
    testDefect: test.filter(({ label }) => label === 1).length,
    defects,
    width: range(widths),
    height: range(heights),
    sizes: sizes.size,
    formats,
    errors,
    warnings,
  };
}

/** The folder that a category's files lie in; null where they may lie anywhere. */
async function folderOf(root: string, name: string): Promise<string | null> {
  const folder = (await categoryFolders(root)).get(name) ?? join(root, name);
  return await isFolder(folder) ? folder : null;
}

/** All files that training and evaluation look at. */
async function pathsOf({ train, anomalous, test }: Category): Promise<Set<string>> {
  const masks = [...anomalous, ...test].flatMap(({ mask }) => mask ?? []);
  const images = [...anomalous, ...test].map(({ path }) => path);
  const files = await Promise.all(masks.map((mask) => orNull(() => maskFiles(mask)))); // faults are told already
  return new Set([...train, ...images, ...files.flatMap((paths) => paths ?? [])]);
}

/** Tells what else lies below a folder, at any depth: `score` would look at its images. */
async function checkRest(folder: string | null, used: ReadonlySet<string>, tell: OnNote): Promise<void> {
  if (folder === null) return;
  const images = new Map<string, string[]>();
  const unread: string[] = [], others: string[] = [], hidden: string[] = [];
  for await (const { path, kind } of filesUnder(folder, tell)) {
    if (used.has(path)) continue;
    if (kind === "hidden") hidden.push(path);
    else if (kind === "others") (UNREAD.includes(extname(path).toLowerCase()) ? unread : others).push(path);
    else if (images.has(dirname(path))) images.get(dirname(path))!.push(path);
    else images.set(dirname(path), [path]);
  }
  for (const [at, paths] of images) {
    const example = `as ${paths[0]} (score looks at any depth)`;
    tell(`${at} has ${paths.length} images that training leaves aside, ${example}`);
    for (const path of paths) await orNull(async () => await decodeImage(await readWhole(path), path), tell);
  }
  const count = (paths: string[], what: string): void => {
    if (paths.length > 0) tell(`${folder} has ${paths.length} ${what}, as ${paths[0]}: they are left aside`);
  };
  count(unread, "images of formats that are not read");
  count(others, "files that don't count as images");
  count(hidden, "hidden or unfinished files");
}

function range(values: number[]): [number, number] | null {
  if (values.length === 0) return null;
  return values.reduce<[number, number]>(([least, most], v) => [Math.min(least, v), Math.max(most, v)], [
    values[0],
    values[0],
  ]);
}
