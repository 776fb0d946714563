/**
 * The tables of a reproduction: of what is done, beside the paper's numbers, as text, Markdown, CSV, JSON and a page.
 *
 * @module
 */
import { join } from "node:path";
import {
  compare,
  type Comparison,
  comparisonCells,
  comparisonCsv,
  comparisonTable,
  type Measurement,
  type SummaryRow,
  summaryTable,
} from "../report/comparison.ts";
import { inputOf } from "../methods/resolve.ts";
import { indexPage, type IndexTable } from "../report/index_page.ts";
import { CIFAR10, MVTEC, PAPER_NUMBERS } from "../report/paper_numbers.ts";
import type { Metrics } from "../score/evaluate.ts";
import { failuresOf, type Outcome } from "./reproduce_cells.ts";
import { cellName, cellPath } from "./reproduce_jobs.ts";
import type { ReproducePlan } from "./reproduce_plan.ts";
import { REPORT, writeJson, writeText } from "./results.ts";
import type { Speed } from "./run_report.ts";
import { VERSION } from "./version.ts";

/** The tables, by target. */
const COLUMNS: Record<string, [title: string, metric: keyof Metrics][]> = {
  mvtec: [["Pixel AUROC", "pixel_auroc"], ["Image AUROC", "image_auroc"], ["AUPRO", "aupro"]],
  cifar10: [["Image AUROC", "image_auroc"]],
};

/**
 * Writes the tables to RUN, and prints them.
 *
 * @throws {InputError} where a file can't be written
 */
export async function writeTables(
  plan: ReproducePlan,
  outcome: Outcome,
  { json }: { json?: true },
): Promise<void> {
  const comparisons = tables(plan, outcome), summary = summaryOf(plan, outcome, comparisons);
  const titles = comparisons.map(({ title }) => title), paper = plan.isDemo ? "paper, MVTec" : "paper";
  const failures = failuresOf(outcome), missing = outcome.missing.map(cellName);
  const without = [...outcome.failures.map(cellName), ...missing], head = heading(plan, without);
  await writeText(
    join(plan.out, "table.md"),
    [head, ...comparisons.map((table) => comparisonTable(table, { markdown: true }))].join("\n"),
  );
  await writeText(
    join(plan.out, "summary.md"),
    head + "\n" + summaryTable(titles, summary, { paper, markdown: true }),
  );
  await writeText(join(plan.out, "table.csv"), comparisonCsv(comparisons));
  await writeText(join(plan.out, REPORT), await indexOf(plan, outcome, comparisons, without));
  const all = { target: plan.target, seeds: plan.seeds, tables: comparisons, failures, missing };
  await writeJson(join(plan.out, "table.json"), all);
  if (json) {
    console.log(JSON.stringify(all, null, 2));
    return;
  }
  const color = Deno.stdout.isTerminal() && !Deno.noColor;
  // Variants are many, and differ in their means.
  const shown = plan.target === "ablations" ? [] : comparisons;
  console.log(
    [
      ...shown.map((table) => comparisonTable(table, { color })),
      summaryTable(titles, summary, { paper, color }),
    ]
      .join("\n"),
  );
  console.log(`Report: ${join(plan.out, REPORT)}`);
  console.log(`Tables: ${["md", "csv", "json"].map((end) => join(plan.out, `table.${end}`)).join(", ")}`);
}

/** A page with the tables, and links to the report of each model. @param missing the models that are not among them */
function indexOf(
  { target, preset }: ReproducePlan,
  { results }: Outcome,
  comparisons: Comparison[],
  missing: readonly string[],
): Promise<string> {
  const tables = comparisons.map((comparison): IndexTable => (
    { title: `${comparison.title}, %`, ...comparisonCells(comparison), digits: 1 }
  ));
  const rows = results.map((cell) => {
    const { entry: { name }, category, seed } = cell;
    return [{ text: `${name} on ${category}, seed ${seed}`, path: [...cellPath(name, cell), REPORT] }];
  });
  const left = missing.length > 0 ? `; missing: ${missing.join(", ")}` : "";
  return indexPage(target, `preset ${preset}; ${rows.length} models; adtr ${VERSION}${left}`, [
    ...tables,
    { title: "Reports", header: ["Model"], rows },
  ]);
}

/** What the numbers are of. @param missing the models that are not among them */
function heading(
  { target, preset, entries, categories, seeds }: ReproducePlan,
  missing: readonly string[],
): string {
  const looked = entries.map(({ settings }) => {
    const { image_size: S, feature_size: H } = settings, on = inputOf(settings);
    return `${on}, images of ${S}×${S}${on === "pixels" ? "" : `, maps of ${H}×${H}`}`;
  });
  return `# ${target}\n\n${categories.length} categories, preset ${preset}, ${
    [...new Set(looked)].join("; ")
  }, seeds ${seeds.join(", ")}; adtr ${VERSION}\n${
    missing.length > 0 ? `\nMissing: ${missing.join(", ")}.\n` : ""
  }`;
}

function columnsOf(target: string): [title: string, metric: keyof Metrics][] {
  return COLUMNS[target] ?? COLUMNS.mvtec;
}

function tables({ target, isDemo, entries, categories }: ReproducePlan, { results }: Outcome): Comparison[] {
  const names = entries.map(({ name }) => name);
  const all = columnsOf(target).map(([title, metric]) => {
    const measurements = results.map(({ entry, category, seed, metrics }): Measurement => (
      { method: entry.name, category, seed, value: metrics[metric] }
    ));
    const paper = isDemo ? {} : PAPER_NUMBERS[target]?.[metric];
    return compare(title, names, categories, measurements, paper, target === "cifar10" ? CIFAR10 : MVTEC);
  });
  const isKnown = ({ rows }: Comparison): boolean =>
    rows.some(({ cells }) => cells.some(({ mean }) => mean !== null));
  return all.some(isKnown) ? all.filter(isKnown) : all; // kde has no pixel metrics
}

/** The means of all tables, of the demo beside the paper's on its own data, and what training and scoring took. */
function summaryOf(
  { target, isDemo, entries }: ReproducePlan,
  { results }: Outcome,
  comparisons: Comparison[],
): SummaryRow[] {
  return entries.map(({ name }, i) => {
    const speeds = results.filter(({ entry }) => entry.name === name).map(({ speed }) => speed);
    const mean = (key: keyof Speed): number | null => {
      const known = speeds.map((speed) => speed[key]).filter((value) => value !== null);
      return known.length > 0 ? known.reduce((a, b) => a + b) / known.length : null;
    };
    const metrics = comparisons.map(({ title, rows }) => {
      const [, metric] = columnsOf(target).find(([known]) => known === title)!, mean = rows.at(-1)!.cells[i];
      return isDemo
        ? { ...mean, paper: (PAPER_NUMBERS[target] ?? PAPER_NUMBERS.mvtec)[metric]?.[name]?.mean ?? null }
        : mean;
    });
    return {
      method: name,
      metrics,
      trainSeconds: mean("train_seconds"),
      imagesPerSecond: mean("images_per_second"),
      modelBytes: mean("model_bytes"),
    };
  });
}
