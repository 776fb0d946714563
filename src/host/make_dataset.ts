/**
 * Writes procedural pictures as a data set in MVTec-AD's layout, for trying the program out where no real
 * data is at hand. A category's folder appears whole or not at all.
 *
 * @module
 */
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { Random } from "../hash.ts";
import { encodeGreyPng, encodePng, type Mask } from "../data/image.ts";
import { makeFolder, writeFolder, writeWhole } from "./files.ts";
import { defectsOf, drawSample, proceduralCategories, SIZES } from "../data/procedural/sample.ts";

/** What to write. */
export interface DatasetOptions {
  /** Some of `proceduralCategories`. */
  readonly categories: readonly string[];
  /** Pixels a side, 32..4096; 256 by default. */
  readonly size?: number;
  /** Normal training images a category, 60 by default. */
  readonly train?: number;
  /** Normal test images a category, 12 by default. */
  readonly testGood?: number;
  /** Test images of each defect of a category, 5 by default. */
  readonly testPerDefect?: number;
  /** The same seed gives the same files; 0 by default. */
  readonly seed?: number;
  /** Called after each image with the number written so far and the number to write. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** One image to draw. */
interface Item {
  readonly split: "train" | "test";
  readonly folder: string;
  readonly index: number;
  readonly defect?: string;
}

function listItems(category: string, train: number, testGood: number, testPerDefect: number): Item[] {
  const items = (split: Item["split"], folder: string, count: number, defect?: string): Item[] =>
    Array.from({ length: count }, (_, index) => ({ split, folder, index, defect }));
  return [
    ...items("train", "good", train),
    ...items("test", "good", testGood),
    ...defectsOf(category).flatMap((defect) => items("test", defect, testPerDefect, defect)),
  ];
}

/** 0 and 1 as black and white. */
function maskPng(mask: Mask): Uint8Array {
  return encodeGreyPng({ ...mask, data: mask.data.map((on) => 255 * on) });
}

async function refuseFilled(folder: string): Promise<void> {
  try {
    for await (const entry of Deno.readDir(folder)) {
      throw new InputError(`Expected ${folder} to be empty or not there, but found ${entry.name} in it`);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) {
      throw new InputError(`Expected ${folder} to be a folder, but found a file`);
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Writes ROOT/CATEGORY/{train/good, test/good, test/DEFECT}/000.png … and
 * ROOT/CATEGORY/ground_truth/DEFECT/000_mask.png … (grey, 0 or 255) for every category. Nothing is written when
 * anything is refused.
 *
 * @throws {InputError} for an unknown category, a bad size or count, or a category folder that holds something or can't be
 * written
 */
export async function makeDataset(root: string, options: DatasetOptions): Promise<void> {
  const { size = 256, train = 60, testGood = 12, testPerDefect = 5, seed = 0, onProgress } = options;
  const categories = [...new Set(options.categories)];
  for (const name of categories) defectsOf(name);
  if (categories.length === 0) {
    throw new InputError(`Expected at least one category of ${proceduralCategories.join(", ")}`);
  }
  if (!Number.isInteger(size) || size < SIZES.least || size > SIZES.most) {
    throw new InputError(
      `Expected an image size of ${SIZES.least} to ${SIZES.most} pixels a side, but found ${size}`,
    );
  }
  for (const [what, count] of Object.entries({ train, testGood, testPerDefect })) {
    if (!Number.isInteger(count) || count < 0) {
      throw new InputError(`Expected ${what} to be a whole number of images, but found ${count}`);
    }
  }
  for (const name of categories) await refuseFilled(join(root, name));

  const plan = categories.map((name) => ({ name, items: listItems(name, train, testGood, testPerDefect) }));
  const total = plan.reduce((sum, { items }) => sum + items.length, 0);
  let done = 0;
  for (const { name, items } of plan) {
    await writeFolder(join(root, name), "empty", async (partial) => {
      const write = async (folder: string, file: string, data: Uint8Array): Promise<void> => {
        await makeFolder(join(partial, folder));
        await writeWhole(join(partial, folder, file), (write) => write(data));
      };
      for (const { split, folder, index, defect } of items) {
        const own = new Random(seed, `${name}/${split}/${folder}/${index}`).bits();
        const { image, mask } = drawSample({ category: name, size, seed: own, defect });
        const stem = String(index).padStart(3, "0");
        await write(join(split, folder), `${stem}.png`, encodePng(image));
        if (mask) await write(join("ground_truth", folder), `${stem}_mask.png`, maskPng(mask));
        onProgress?.(++done, total);
      }
    });
  }
}
