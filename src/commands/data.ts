/**
 * `adtr data`: makes procedural data sets and checks data sets.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { type CategoryCheck, checkDataset, checkRoot } from "../host/check_dataset.ts";
import { makeDataset } from "../host/make_dataset.ts";
import { proceduralCategories, SIZES } from "../data/procedural/sample.ts";
import { InputError } from "../errors.ts";
import { printable } from "../report/printable.ts";
import { type Cell, table } from "../report/table.ts";
import { categoryList, checkedOption } from "./options.ts";
import { ProgressDisplay } from "./progress.ts";
import { whole } from "../methods/settings.ts";

/** Sentences that are printed of a category's; JSON has them all. */
const MOST_REMARKS = 20;

/** Adds the commands. */
export function addData(program: Command): void {
  const data = program.command("data").description("Makes and checks data sets in MVTec-AD layout.");
  data.addHelpText("after", "\nExample:\n  ./adtr data make shapes --category bottle,weave");

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
    .addHelpText("after", "\nExample:\n  ./adtr data make shapes --category bottle,weave --size 128")
    .action(make);

  data.command("check")
    .description("Decodes every image and mask; shows what a data set holds and what is wrong with it.")
    .argument("<ROOT>", "the data set, or a folder of normal images")
    .option("--category <A,B|all>", "which categories", "all")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  ./adtr data check shapes")
    .action(check);
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
  await makeWithProgress(root, categories, options);
  console.log(`${counted(categories.length, "category", "categories")} in ${root}`);
}

/** Makes a procedural data set and shows progress. */
export async function makeWithProgress(
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

async function check(root: string, { category, json }: { category: string; json?: true }): Promise<void> {
  const display = new ProgressDisplay();
  const checks = await checkDataset(root, categoryList(category), (name, done, total) => {
    display.onProgress({ phase: "data", category: name, done, total, unit: "images", images: done });
  }).finally(() => display.finish());
  const beside = category === "all" ? await checkRoot(root) : [];
  console.log(json ? JSON.stringify(checks, null, 2) : summary(checks, beside));
  if (json) beside.forEach((note) => display.warn(printable(note)));
  const faults = checks.reduce((sum, { errors }) => sum + errors.length, 0);
  if (faults > 0) throw new InputError(`Found ${counted(faults, "fault", "faults")} in ${root}`);
}

function summary(checks: CategoryCheck[], beside: string[]): string {
  const header = ["category", "train", "test good", "test defect", "defects", "pixels", "formats"];
  const rows = checks.map((c): Cell[] => [
    c.name,
    c.anomalous > 0 ? `${c.train} + ${c.anomalous} anomalous` : c.train,
    c.testGood,
    c.testDefect,
    Object.keys(c.defects).length,
    c.width && c.height ? `${span(c.width)}×${span(c.height)}` : null,
    Object.entries(c.formats).map(([format, count]) => `${count} ${format}`).join(", "),
  ]);
  const remarks = checks.flatMap(({ name, errors, warnings }) => [
    ...limited(errors).map((text) => `${name}: error: ${text}`),
    ...limited(warnings).map((text) => `${name}: note: ${text}`),
  ]);
  remarks.push(...limited(beside).map((text) => `note: ${text}`));
  return [table(rows, header).trimEnd(), ...remarks.map(printable)].join("\n");
}

/** The first of many sentences. */
function limited(sentences: string[]): string[] {
  const more = sentences.length - MOST_REMARKS;
  return more > 0 ? [...sentences.slice(0, MOST_REMARKS), `and ${more} more (--json lists all)`] : sentences;
}

function span([least, most]: [number, number]): string {
  return least === most ? String(least) : `${least}–${most}`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
