/**
 * Tables of methods side by side: statistics over seeds, the paper's numbers, and the forms they are written in.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { compare, comparisonCsv, comparisonTable, type Measurement } from "../../src/report/comparison.ts";
import { MVTEC, PAPER_NUMBERS } from "../../src/report/paper_numbers.ts";

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

Deno.test("the paper's mean is the mean of its categories, as far as it is rounded", () => {
  for (const column of Object.values(PAPER_NUMBERS.mvtec.pixel_auroc)) {
    const mean = MVTEC.reduce((sum, name) => sum + column[name], 0) / MVTEC.length;
    ok(Math.abs(mean - column.mean) <= 0.051, `${mean} ${column.mean}`);
  }
});

Deno.test("a name is one cell of the CSV, and no formula", () => {
  const odd = compare("T", ["=a"], ["x,y"], [{ method: "=a", category: "x,y", seed: 0, value: 0.5 }]);
  equal(comparisonCsv([odd]).split("\n")[1], 'T,"x,y",\'=a,50,,,');
});
