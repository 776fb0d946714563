/**
 * `adtr data`: makes procedural data sets and checks data sets.
 *
 * @module
 */
import type { Command } from "commander";
import { makeDataset } from "../data/procedural/dataset.ts";
import { proceduralCategories, SIZES } from "../data/procedural/sample.ts";
import { categoryList, checkedOption } from "./options.ts";
import { ProgressDisplay } from "./progress.ts";
import { whole } from "./setting_rules.ts";

/** Adds the commands. */
export function addData(program: Command): void {
  const data = program.command("data").description("Makes and checks data sets in MVTec-AD layout.");
  data.addHelpText("after", "\nExample:\n  adtr data make shapes --category bottle,weave");

  data.command("make")
    .description(
      "Writes procedural images of normal and defective things, with exact masks, to ROOT/CATEGORY/.",
    )
    .argument("<ROOT>", "folder to write to")
    .option("--category <A,B|all>", `which of ${proceduralCategories.join(", ")}`, "all")
    .addOption(checkedOption("--size <S>", "pixels a side", whole(SIZES.least, SIZES.most), 256))
    .addOption(checkedOption("--train <N>", "normal training images a category", whole(1, 100_000), 60))
    .addOption(checkedOption("--test-good <N>", "normal test images a category", whole(0, 100_000), 12))
    .addOption(checkedOption("--test-per-defect <N>", "test images of each defect", whole(0, 100_000), 5))
    .addOption(checkedOption("--seed <N>", "the same seed gives the same files", whole(0, 2 ** 32 - 1), 0))
    .addHelpText("after", "\nExample:\n  adtr data make shapes --category bottle,weave --size 128")
    .action(make);
}

interface MakeOptions {
  category: string;
  size: number;
  train: number;
  testGood: number;
  testPerDefect: number;
  seed: number;
}

async function make(root: string, { category, ...options }: MakeOptions): Promise<void> {
  const categories = categoryList(category) ?? proceduralCategories;
  await makeDemoData(root, categories, options);
  console.log(`${categories.length === 1 ? "1 category" : `${categories.length} categories`} in ${root}`);
}

/** Makes a procedural data set, showing progress. */
export async function makeDemoData(
  root: string,
  categories: readonly string[],
  options: Omit<MakeOptions, "category"> | { size: number },
): Promise<void> {
  const display = new ProgressDisplay();
  try {
    await makeDataset(root, {
      ...options,
      categories,
      onProgress: (done, total) =>
        display.onProgress({ phase: "data", done, total, unit: "images", images: done }),
    });
  } finally {
    display.finish();
  }
}
