/**
 * Anomalous images that lie outside of a data set: labelled ones of the product, and irrelevant ones of other things.
 *
 * @module
 */
import { join, parse } from "node:path";
import type { AnomalousImage } from "../data/category.ts";
import { InputError } from "../errors.ts";
import { cifarTrainingImages, isCifar } from "./cifar_images.ts";
import { MASKS, matchMasks } from "./dataset.ts";
import { listFolder, listImages, type OnNote } from "./folder.ts";

const MASK = "_mask";

/**
 * Images directly in a folder, with the masks that lie beside them as STEM_mask.EXT.
 *
 * @param onNote told of links that are left out
 * @throws {InputError} where there is no image, or a mask belongs to none
 */
export async function listAnomalous(folder: string, onNote?: OnNote): Promise<AnomalousImage[]> {
  const paths = (await listFolder(folder, onNote)).images.map((name) => join(folder, name));
  const isMask = (path: string): boolean => parse(path).name.endsWith(MASK);
  const images = paths.filter((path) => !isMask(path)), errors: string[] = [];
  if (images.length === 0) throw new InputError(`Expected anomalous images in ${folder}, but found none`);
  const masks = matchMasks(images, paths.filter(isMask), errors);
  if (errors.length > 0) throw new InputError(errors[0]);
  return images.map((path) => ({ path, mask: masks.get(path) ?? null }));
}

/**
 * Irrelevant images: all in a folder, at any depth but not in folders `ground_truth`, or the training images of `cifar10:PATH` or `cifar100:PATH`.
 *
 * @param onNote told of links that are left out
 * @throws {InputError} where there is none
 */
export async function listOutliers(root: string, onNote?: OnNote): Promise<string[]> {
  if (isCifar(root)) return await cifarTrainingImages(root);
  const images = (await listImages([root], onNote)).filter((path) => !path.split(/[\\/]/).includes(MASKS));
  if (images.length === 0) throw new InputError(`Expected images in ${root} besides masks, but found none`);
  return images;
}
