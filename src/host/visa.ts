/**
 * VisA (Zou et al., ECCV 2022) as it is downloaded: ROOT/split_csv/1cls.csv says which image belongs to which
 * category and split. Its columns are object, split (train or test), label (normal or anomaly), image and mask, both
 * paths below ROOT; the mask is empty for normal images.
 *
 * @module
 */
import { join } from "node:path";
import { byCodeUnits } from "../by_code_units.ts";
import type { Category } from "../data/category.ts";
import { InputError, shortened } from "../errors.ts";
import { readWhole } from "./files.ts";

const COLUMNS = ["object", "split", "label", "image", "mask"] as const;
const SPLIT = ["train", "test"], LABEL = ["normal", "anomaly"];

/** A line of the table, and where it stands. */
type Row = Record<typeof COLUMNS[number], string> & { line: number };

/**
 * The categories' names, sorted; null where ROOT has no such table.
 *
 * @throws {InputError} where the table is not of that form
 */
export async function listVisa(root: string): Promise<string[] | null> {
  const rows = await readTable(root);
  return rows && [...new Set(rows.map(({ object }) => object))].sort(byCodeUnits);
}

/**
 * A category's files, sorted, and what is missing of them.
 *
 * @param name one of `listVisa(root)`
 * @throws {InputError} where the table is not of that form
 */
export async function scanVisa(
  root: string,
  name: string,
): Promise<{ category: Category; errors: string[] }> {
  const rows = (await readTable(root) ?? []).filter(({ object }) => object === name);
  rows.sort((a, b) => byCodeUnits(a.image, b.image));
  const category: Category = { name, train: [], anomalous: [], test: [] }, errors: string[] = [];
  for (const { split, label, image, mask, line } of rows) {
    for (const file of [image, mask].filter((file) => file !== "")) {
      if (await isFile(join(root, file))) continue;
      errors.push(`Expected ${join(root, file)}, as line ${line} of ${tablePath(root)} says, but found none`);
    }
    const anomalous = label === "anomaly";
    const entry = { path: join(root, image), mask: anomalous && mask !== "" ? join(root, mask) : null };
    if (split === "test") {
      category.test.push({ ...entry, label: anomalous ? 1 : 0, defect: anomalous ? "anomaly" : "good" });
    } else if (anomalous) category.anomalous.push(entry);
    else category.train.push(entry.path);
  }
  category.test.sort((a, b) => a.label - b.label); // good first, as everywhere
  if (category.train.length === 0) {
    errors.push(`Expected normal training images of ${name} in ${tablePath(root)}, but found none`);
  }
  return { category, errors };
}

function tablePath(root: string): string {
  return join(root, "split_csv", "1cls.csv");
}

async function readTable(root: string): Promise<Row[] | null> {
  const path = tablePath(root);
  if (!await isFile(path)) return null;
  const [head = "", ...lines] = new TextDecoder().decode(await readWhole(path)).split(/\r?\n/);
  const names = head.split(",");
  if (!COLUMNS.every((name) => names.includes(name))) {
    throw new InputError(`Expected columns ${COLUMNS.join(",")} in ${path}, but found ${shortened(head)}`);
  }
  const rows: Row[] = [];
  for (const [i, line] of lines.entries()) {
    if (line === "") continue;
    const cells = line.split(",");
    const row = Object.fromEntries(COLUMNS.map((name) => [name, cells[names.indexOf(name)]])) as Omit<
      Row,
      "line"
    >;
    if (
      cells.length !== names.length || row.object === "" || row.image === "" || !SPLIT.includes(row.split) ||
      !LABEL.includes(row.label)
    ) {
      throw new InputError(
        `Expected an object, ${SPLIT.join(" or ")}, ${LABEL.join(" or ")}, an image and a mask in line ${
          i + 2
        } ` +
          `of ${path}, but found ${shortened(line)}`,
      );
    }
    rows.push({ ...row, line: i + 2 });
  }
  if (rows.length === 0) throw new InputError(`Expected images in ${path}, but found none`);
  return rows;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
