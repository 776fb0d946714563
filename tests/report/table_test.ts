import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { table } from "../../src/report/table.ts";

const header = ["category", "images", "image_auroc", "aupro"];
const rows = [["bottle", 83, 0.98123, null], ["metal_nut", 115, 1, 0.5], ["mean", 99, 0.99, 0.5]];

Deno.test("columns are aligned, numbers to the right with equal decimals, null as a dash", () => {
  assert.equal(
    table(rows, header, { footer: true }),
    [
      "category   images  image_auroc  aupro",
      "─────────────────────────────────────",
      "bottle         83        0.981      –",
      "metal_nut     115        1.000  0.500",
      "─────────────────────────────────────",
      "mean           99        0.990  0.500",
      "",
    ].join("\n"),
  );
  assert.equal(table([["a", 0.12345]], ["b", "c"], { digits: 1 }), "b    c\n──────\na  0.1\n");
});

Deno.test("colour only where it is asked for, and it changes nothing else", () => {
  const colored = table(rows, header, { color: true });
  assert(colored.startsWith("\x1b[1mcategory"));
  assert.equal(stripVTControlCharacters(colored), table(rows, header));
  assert(!table(rows, header).includes("\x1b"));
});

Deno.test("Markdown has one line a row, and bars in a text don't part cells", () => {
  assert.equal(
    table([["a|b", 1], ["c", null]], ["name", "n"], { markdown: true }),
    ["| name | n |", "| ---- | --: |", "| a\\|b | 1 |", "| c    | – |", ""].join("\n"),
  );
});

Deno.test("a table without rows is its header; rows of another length are refused", () => {
  assert.equal(table([], ["a", "bc"], { footer: true }), "a  bc\n─────\n");
  assert.throws(() => table([["a", 1], ["b"]], ["name", "n"]), RangeError);
});
