/**
 * Tables of methods side by side: statistics over seeds, the paper's numbers, and the forms they are written in.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { compare, comparisonCsv, comparisonTable, type Measurement } from "../../src/report/comparison.ts";
import { MVTEC, PAPER_NUMBERS, PAPER_TABLES } from "../../src/report/paper_numbers.ts";

const measurements: Measurement[] = [
  { method: "a", category: "x", seed: 0, value: 0.9 },
  { method: "a", category: "x", seed: 1, value: 0.92 },
  { method: "a", category: "y", seed: 0, value: 0.5 },
  { method: "a", category: "y", seed: 1, value: 0.6 },
  { method: "b", category: "x", seed: 0, value: 0.8 },
  { method: "b", category: "x", seed: 1, value: null },
];
const paper = { a: { x: 90, mean: 75 } };
const comparison = compare("Pixel AUROC", ["a", "b"], ["x", "y"], measurements, paper, ["y", "x"]);

Deno.test("mean and sample deviation over seeds, the mean over categories seed by seed", () => {
  const [[ax, bx], [ay, by], [am, bm]] = comparison.rows.map(({ cells }) => cells);
  deepEqual(comparison.rows.map(({ category }) => category), ["x", "y", "mean"]);
  const near = (a: number | null, b: number) => ok(a !== null && Math.abs(a - b) < 1e-9, `${a} ${b}`);
  near(ax.mean, 91);
  near(ax.deviation, Math.SQRT2);
  near(ax.difference, 1);
  near(ay.mean, 55);
  near(ay.deviation, Math.sqrt(50));
  deepEqual([ay.paper, ay.difference], [null, null]);
  near(am.mean, 73); // (90 + 50) / 2 and (92 + 60) / 2
  near(am.deviation, Math.sqrt(18));
  near(am.difference, -2);
  near(bx.mean, 80);
  deepEqual([bx.deviation, by.mean, by.deviation], [null, null, null]); // one seed, none at all
  near(bm.mean, 80);
});

Deno.test("the paper's mean stands beside a mean of the same categories only", () => {
  const last = (categories: string[], paperCategories: string[]) =>
    compare("T", ["a"], categories, measurements, paper, paperCategories).rows.at(-1)!.cells[0];
  equal(last(["x", "y"], ["x", "y"]).paper, 75);
  for (const [ours, theirs] of [[["x"], ["x", "y"]], [["x", "y"], ["x"]], [["x", "z"], ["x", "z"]]]) {
    deepEqual([last(ours, theirs).paper, last(ours, theirs).difference], [null, null]);
  }
});

Deno.test("a table for the terminal, for Markdown and as CSV", () => {
  equal(
    comparisonTable(comparison, {}),
    "Pixel AUROC, %\n" +
      "category  a           paper  difference     b  paper  difference\n" +
      "────────────────────────────────────────────────────────────────\n" +
      "x         91.0 ± 1.4   90.0  +1.0        80.0      –           –\n" +
      "y         55.0 ± 7.1      –  –              –      –           –\n" +
      "────────────────────────────────────────────────────────────────\n" +
      "mean      73.0 ± 4.2   75.0  -2.0        80.0      –           –\n",
  );
  equal(
    comparisonTable(compare("T", ["b"], ["x"], measurements), { markdown: true }),
    "## T, %\n\n| category |    b |\n| -------- | ---: |\n| x        | 80.0 |\n| mean     | 80.0 |\n",
  );
  const [header, first, second] = comparisonCsv([comparison]).split("\n");
  equal(header, "metric,category,method,mean,deviation,paper,difference");
  ok(first.startsWith("Pixel AUROC,x,a,91") && first.split(",").length === 7);
  equal(second, "Pixel AUROC,x,b,80,,,");
});

Deno.test("of many methods each is a row, the paper's numbers below; a terminal has five categories beside each other", () => {
  const methods = ["a", "b", "c", "d", "e", "f", "g"], categories = ["p", "q", "r", "s", "t", "u", "v"];
  const values = methods.slice(0, 6).flatMap((method, m) =>
    categories.map((category, i) => ({ method, category, seed: 0, value: (10 * m + i) / 100 }))
  );
  const paper = { a: { p: 1, v: 99.5, mean: 7 } };
  const many = (count: number) => {
    const names = methods.slice(0, count);
    return comparisonTable(compare("T", names, categories, values, paper, categories), {});
  };
  ok(many(6).startsWith("T, %\ncategory    a  paper  difference     b "));
  const rule = "─".repeat(43);
  equal(
    many(7),
    "T, %\nmethod   mean     p     q     r     s     t\n" + rule +
      "\na         3.0   0.0   1.0   2.0   3.0   4.0\n  paper   7.0   1.0     –     –     –     –\n" +
      "bcdef".split("").map((name, m) => {
        const cells = [3, 0, 1, 2, 3, 4].map((i) => (10 * (m + 1) + i).toFixed(1));
        return `${name}        ${cells.join("  ")}\n`;
      }).join("") +
      "g           –     –     –     –     –     –\n\n" +
      "method      u     v\n───────────────────\na         5.0   6.0\n  paper     –  99.5\n" +
      "bcdef".split("").map((name, m) => `${name}        ${10 * (m + 1) + 5}.0  ${10 * (m + 1) + 6}.0\n`)
        .join("") +
      "g           –     –\n",
  );
  const whole = compare("T", methods, categories, values, paper, categories);
  const markdown = comparisonTable(whole, { markdown: true }).trim().split("\n");
  equal(markdown.length, 4 + 8);
  ok(markdown.every((line, i) => i < 2 || line.split("|").length === 2 + 1 + 8));
  equal(comparisonCsv([whole]).trim().split("\n").length, 1 + 7 * 8);
});

Deno.test("Table 1 has numbers for all categories, and the printed mean is theirs as far as it is rounded", () => {
  for (const [name, column] of Object.entries(PAPER_NUMBERS.mvtec.pixel_auroc)) {
    deepEqual(Object.keys(column), [...MVTEC, "mean"]);
    const values = MVTEC.map((category) => column[category]), mean = values.reduce((a, b) => a + b) / 15;
    ok(values.every((value) => value >= 50 && value <= 100), name);
    // That of ssim-ae is another one in the paper.
    const most = name === "ssim-ae" ? 0.9 : values.every(Number.isInteger) ? 0.5 : 0.051;
    ok(Math.abs(mean - column.mean) <= most, `${name}: ${mean} ${column.mean}`);
  }
});

Deno.test("the rows of tables are methods of which the paper has numbers, as far as they are known", () => {
  const [first, second, third] = PAPER_TABLES.values();
  equal(first.length, 14);
  const has = (rows: readonly string[], numbers: object) =>
    Object.keys(numbers).every((name) => rows.includes(name));
  ok(has(second, PAPER_NUMBERS.mvtec.image_auroc) && has(third, PAPER_NUMBERS.cifar10.image_auroc));
  for (const rows of [first, second, third]) {
    equal(new Set(rows).size, rows.length);
    deepEqual(rows.slice(-2), ["adtr", "adtr+"]);
  }
});

Deno.test("a name is one cell of the CSV, and no formula", () => {
  const odd = compare("T", ["=a"], ["x,y"], [{ method: "=a", category: "x,y", seed: 0, value: 0.5 }]);
  equal(comparisonCsv([odd]).split("\n")[1], 'T,"x,y",\'=a,50,,,');
});
