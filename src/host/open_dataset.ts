/**
 * A category's images on disk as `train` takes them.
 *
 * @module
 */
import type { TrainData } from "../train/train.ts";
import { openCategory } from "./dataset.ts";
import { files } from "./image_files.ts";

/**
 * Finds a category's images.
 *
 * @param root a data set in MVTec-AD's or VisA's layout, a folder of normal images, or `cifar10:PATH`, `cifar100:PATH`
 * @param category one of `listCategories(root)`
 * @throws {InputError} where there is no such data set or category, or something is wrong with it
 */
export async function openDataset(root: string, category: string): Promise<TrainData> {
  return { images: files, category: await openCategory(root, category) };
}
