/**
 * What a data set holds and what is wrong with it: every file is read and decoded, and nothing stops at the first fault.
 *
 * @module
 */
import { dirname, extname } from "node:path";
import { withoutMask } from "../data/category.ts";
import { InputError } from "../errors.ts";
import { readWhole } from "./files.ts";
import { isCifar } from "./cifar_images.ts";
import { listCategories, scanCategory } from "./dataset.ts";
import { formatOf, type ImageFormat } from "../data/decode.ts";
import { listFolder } from "./folder.ts";
import { decodeImage, type Image } from "../data/image.ts";
import { sha256 } from "../sha256.ts";
import { maskFiles, readMask } from "./image_files.ts";

/** Extensions of images that are not read; a folder that holds some is likely to be meant otherwise. */
const UNREAD = [".gif", ".webp", ".avif", ".heic", ".jp2", ".ppm", ".pgm", ".tga", ".exr", ".dng"];

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

async function checkCategory(
  root: string,
  name: string,
  onImage?: (category: string, done: number, total: number) => void,
): Promise<CategoryCheck> {
  const { category: { train, anomalous, test }, errors } = await scanCategory(root, name);
  const warnings: string[] = [], formats: CategoryCheck["formats"] = {}, defects: Record<string, number> = {};
  const sizes = new Set<string>(), widths: number[] = [], heights: number[] = [];
  const missing = new Set(withoutMask(test).map(({ path }) => path));
  const firstOf = new Map<string, string>(); // by hash
  const attempt = async <T>(step: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      errors.push(error.message);
      return undefined;
    }
  };

  for (const { label, defect } of test) if (label === 1) defects[defect] = (defects[defect] ?? 0) + 1;
  const images = isCifar(root) ? [] : [ // reading CIFAR is all there is to check
    ...train.map((path) => ({ path, mask: null, label: 0 })),
    ...anomalous.map((image) => ({ ...image, label: 1 })),
    ...test,
  ];
  for (const [i, { path, mask, label }] of images.entries()) {
    const bytes = await attempt(() => readWhole(path));
    const image = bytes && await attempt(() => decodeImage(bytes, path));
    if (bytes && image) {
      const format = formatOf(bytes)!, hash = await sha256(bytes), first = firstOf.get(hash);
      formats[format] = (formats[format] ?? 0) + 1;
      sizes.add(`${image.width}×${image.height}`);
      widths.push(image.width);
      heights.push(image.height);
      if (first === undefined) firstOf.set(hash, path);
      else warnings.push(`${path} holds the same bytes as ${first}`);
      if (mask !== null) await attempt(() => checkMask(mask, path, image, warnings));
    }
    if (label === 1 && mask === null) {
      if (missing.has(path)) {
        errors.push(`Expected a mask for ${path}, as other anomalous test images have one`);
      } else warnings.push(`${path} has a defect but no mask: pixel metrics need one`);
    }
    onImage?.(name, i + 1, images.length);
  }
  for (const folder of new Set(images.map(({ path }) => dirname(path)))) {
    const unread = (await listFolder(folder)).others.filter((file) =>
      UNREAD.includes(extname(file).toLowerCase())
    );
    if (unread.length > 0) {
      warnings.push(`${folder} holds ${unread.length} images of formats that are not read, as ${unread[0]}`);
    }
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

async function checkMask(path: string, imagePath: string, image: Image, warnings: string[]): Promise<void> {
  const mask = await readMask(path, image);
  if (!mask.data.includes(1)) warnings.push(`${path} marks no pixel of ${imagePath}`);
  for (const file of await maskFiles(path)) {
    if (formatOf(await readWhole(file)) !== "JPEG") continue;
    warnings.push(`${file} is a JPEG: every pixel that compression left not quite black counts as anomalous`);
  }
}

function range(values: number[]): [number, number] | null {
  if (values.length === 0) return null;
  return values.reduce<[number, number]>(([least, most], v) => [Math.min(least, v), Math.max(most, v)], [
    values[0],
    values[0],
  ]);
}
