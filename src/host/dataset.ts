/**
 * Data sets on disk, in MVTec-AD's layout or plainer. What a category's folder DIR may hold:
 *
 *     DIR/train/good/*            normal images to train on; if there is no such folder DIR/train/*, else DIR/*
 *     DIR/train/FOLDER/*          anomalous images to train on
 *     DIR/test/good/*             normal test images
 *     DIR/test/FOLDER/*           test images with a defect, FOLDER its name
 *     DIR/test/*                  test images; those with a mask have a defect (only where there are such masks)
 *     DIR/ground_truth/FOLDER/*   masks of FOLDER's images: STEM_mask.EXT or STEM.EXT, or a folder STEM of several
 *                                 masks (MVTec LOCO)
 *     DIR/ground_truth/*          masks of the images directly in DIR/test
 *
 * Masks in ground_truth/good are not looked at. Where no folder is called `good`, `ok` stands for it (BTAD).
 *
 * ROOT holds categories, one a folder; or it is one itself: where it has a folder `train`, or has images and no folder
 * in it has a `train`. Only the folder of normal images is needed.
 * VisA's layout is another one, told by its table: visa.ts. CIFAR is `cifar10:PATH` or `cifar100:PATH`: cifar_images.ts.
 *
 * @module
 */
import { basename, join, parse } from "node:path";
import { nearest } from "../nearest.ts";
import { InputError } from "../errors.ts";
import { refuseFaults } from "./check_images.ts";
import { cifarCategory, cifarClasses, isCifar } from "./cifar_images.ts";
import { byCodeUnits } from "../by_code_units.ts";
import type { Category, TestImage } from "../data/category.ts";
import { folderName, isFolder, listFolder, listIfThere, type OnNote } from "./folder.ts";
import { listVisa, scanVisa } from "./visa.ts";

const TRAIN = "train", GOOD = "good", OK = "ok", TEST = "test";
/** The folder of masks. */
export const MASKS = "ground_truth";

/**
 * Names of the categories that ROOT holds, sorted; its own name where it is a category itself.
 *
 * @throws {InputError} where ROOT is missing or holds none
 */
export async function listCategories(root: string): Promise<string[]> {
  if (isCifar(root)) return await cifarClasses(root);
  return await listVisa(root) ?? [...(await findCategories(root)).keys()];
}

/**
 * Finds a category's files.
 *
 * @param name one of `listCategories(root)`
 * @param onNote told of links that are left out
 * @throws {InputError} where ROOT is missing, there is no such category, it has no normal images to train on, or any
 * other thing that `scanCategory` finds wrong
 */
export async function openCategory(root: string, name: string, onNote?: OnNote): Promise<Category> {
  const { category, errors } = await scanCategory(root, name, onNote);
  refuseFaults(errors);
  return category;
}

/**
 * As `openCategory`, but gives all that is wrong with a category instead of throwing.
 *
 * @returns errors, each a sentence that names a file or folder
 * @throws {InputError} where ROOT is missing or there is no such category
 */
export async function scanCategory(
  root: string,
  name: string,
  onNote?: OnNote,
): Promise<{ category: Category; errors: string[] }> {
  if (isCifar(root)) return { category: await cifarCategory(root, name), errors: [] };
  const known = await listCategories(root);
  if (!known.includes(name)) {
    const near = nearest(name, known);
    const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
    throw new InputError(`Expected a category of ${root}: ${known.join(", ")}; but found "${name}"${hint}`);
  }
  if (await listVisa(root) !== null) return await scanVisa(root, name);
  return await scan((await findCategories(root)).get(name)!, name, onNote);
}

/** Folders of ROOT's categories by name, in order; none where a table tells what belongs to which. */
export async function categoryFolders(root: string): Promise<ReadonlyMap<string, string>> {
  return isCifar(root) || await listVisa(root) !== null ? new Map() : await findCategories(root);
}

/** Folders of ROOT's categories by name, in order. */
async function findCategories(root: string): Promise<Map<string, string>> {
  const { folders, images } = await listFolder(root);
  const itself = new Map([[folderName(root), root]]);
  if (folders.includes(TRAIN)) return itself;

  const structured: string[] = [], plain: string[] = [];
  for (const name of folders.filter((name) => name !== TEST && name !== MASKS)) {
    if (await isFolder(join(root, name, TRAIN))) structured.push(name);
    else if ((await listFolder(join(root, name))).images.length > 0) plain.push(name);
  }
  if (images.length > 0 && structured.length === 0) return itself;
  const found = [...structured, ...plain].sort(byCodeUnits);
  if (found.length === 0) {
    throw new InputError(
      `Expected images, train/good or folders with one of these in ${root}, but found ` +
        (folders.length === 0 ? "none of these" : `only ${folders.slice(0, 3).join(", ")} without them`),
    );
  }
  return new Map(found.map((name) => [name, join(root, name)]));
}

async function scan(
  folder: string,
  name: string,
  onNote: OnNote = () => {},
): Promise<{ category: Category; errors: string[] }> {
  const errors: string[] = [], told = new Set<string>();
  const tell = (note: string): void => { // once: folders are listed more than once
    if (!told.has(note)) onNote(note);
    told.add(note);
  };
  const inTrain = await listIfThere(join(folder, TRAIN), tell),
    inTest = await listIfThere(join(folder, TEST), tell);
  const folders = [...inTrain.folders, ...inTest.folders];
  const good = folders.includes(OK) && !folders.includes(GOOD) ? OK : GOOD;
  const normal = inTrain.images.length > 0 && !inTrain.folders.includes(good)
    ? join(folder, TRAIN)
    : await isFolder(join(folder, TRAIN))
    ? join(folder, TRAIN, good)
    : folder;
  const train = await imagesOf(normal, tell);
  if (train.length === 0) errors.push(`Expected normal images to train on in ${normal}, but found none`);

  const category: Category = { name, train, anomalous: [], test: [] };
  category.test.push(...await directTests(folder, errors, tell));
  for (const path of await imagesOf(join(folder, TEST, good), tell)) {
    category.test.push({ path, mask: null, label: 0, defect: GOOD });
  }
  const masked = (await listIfThere(join(folder, MASKS), tell)).folders;
  for (const defect of [...new Set([...folders, ...masked])].sort(byCodeUnits)) {
    if (defect === good) continue;
    const training = await imagesOf(join(folder, TRAIN, defect), tell),
      test = await imagesOf(join(folder, TEST, defect), tell);
    const masks = matchMasks(
      [...training, ...test],
      await masksOf(join(folder, MASKS, defect), tell),
      errors,
    );
    category.anomalous.push(...training.map((path) => ({ path, mask: masks.get(path) ?? null })));
    category.test.push(
      ...test.map((path) => ({ path, mask: masks.get(path) ?? null, label: 1 as const, defect })),
    );
  }
  return { category, errors };
}

async function imagesOf(folder: string, onNote: OnNote): Promise<string[]> {
  return (await listIfThere(folder, onNote)).images.map((name) => join(folder, name));
}

/** Masks of a defect's images: files, and folders of several for one image. */
async function masksOf(folder: string, onNote: OnNote): Promise<string[]> {
  const { images, folders } = await listIfThere(folder, onNote);
  return [...images, ...folders].map((name) => join(folder, name));
}

/** Images directly in `test`: without masks, nothing tells the normal ones from the others. */
async function directTests(folder: string, errors: string[], onNote: OnNote): Promise<TestImage[]> {
  const images = await imagesOf(join(folder, TEST), onNote);
  const masks = matchMasks(images, await imagesOf(join(folder, MASKS), onNote), errors);
  if (images.length > 0 && masks.size === 0) {
    errors.push(
      `Expected test images in ${join(folder, TEST)}/good and ${
        join(folder, TEST)
      }/DEFECT, or masks for some ` +
        `in ${join(folder, MASKS)}, but found ${basename(images[0])} with nothing to tell if it is normal`,
    );
  }
  return images.map((path) => {
    const mask = masks.get(path) ?? null;
    return { path, mask, label: mask === null ? 0 : 1, defect: mask === null ? GOOD : "defect" };
  });
}

/** Masks by the path of their images; every mask must belong to exactly one image. */
export function matchMasks(images: string[], paths: string[], errors: string[]): Map<string, string> {
  const masks = new Map(paths.map((path) => [parse(path).name, path]));
  const matched = new Map<string, string>(), owner = new Map<string, string>();
  for (const image of images) {
    const { name } = parse(image), mask = masks.get(`${name}_mask`) ?? masks.get(name);
    if (mask === undefined) continue;
    const other = owner.get(mask);
    if (other !== undefined) {
      errors.push(`Expected ${mask} to be the mask of one image, but found ${other}, ${image}`);
    }
    owner.set(mask, image);
    matched.set(image, mask);
  }
  for (const mask of paths) {
    if (!owner.has(mask)) errors.push(`Expected an image for the mask ${mask}, but found none`);
  }
  return matched;
}
