/**
 * `adtr reproduce`: the paper's protocol over all categories, beside the paper's numbers.
 *
 * @module
 */
import type { Command } from "npm:commander@^15.1.0";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { isThere, makeFolderForWork } from "../host/files.ts";
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
import { methods } from "../methods/registry.ts";
import { withRoi } from "../host/roi_file.ts";
import { inputOf, SETTINGS as ALL_SETTINGS } from "../methods/resolve.ts";
import { whole } from "../methods/settings.ts";
import { indexPage, type IndexTable } from "../report/index_page.ts";
import { CIFAR10, MVTEC, PAPER_NUMBERS, PAPER_TABLES } from "../report/paper_numbers.ts";
import type { Metrics } from "../score/evaluate.ts";
import { makeMissing } from "./demo_data.ts";
import { withGpu } from "./gpu.ts";
import { Interrupt, Stopped } from "./interrupt.ts";
import { addSettings, checkedOption, givenSettings, methodHelp } from "./options.ts";
import { ProgressDisplay } from "./progress.ts";
import { planReproduction, type ReproduceOptions, type ReproducePlan, TARGETS } from "./reproduce_plan.ts";
import { type Cell, cellPath, cellsOf, type Outcome, runReproduction } from "./reproduce_run.ts";
import { REPORT, writeJson, writeText } from "./results.ts";
import { CONFIG } from "./run_category.ts";
import type { Speed } from "./run_report.ts";
import { VERSION } from "./version.ts";
import { weightsKeyOption } from "./weights_options.ts";

/** What a reproduction sets itself. */
const FIXED = ["method", "loss", "base_epochs", "shuffle", "architecture"];
const SETTINGS = [...ALL_SETTINGS.keys()].filter((name) => !FIXED.includes(name));
/** Methods and their variants. */
const NAMES = methods.flatMap(({ name, variants }) => [name, ...Object.keys(variants?.("folder") ?? {})]);

/** The tables, by target. */
const COLUMNS: Record<string, [title: string, metric: keyof Metrics][]> = {
  mvtec: [["Pixel AUROC", "pixel_auroc"], ["Image AUROC", "image_auroc"], ["AUPRO", "aupro"]],
  cifar10: [["Image AUROC", "image_auroc"]],
};

/** Adds the command. @param method whose settings `--help` shows */
export function addReproduce(program: Command, method: string): void {
  const command = program.command("reproduce")
    .summary("The paper's tables: all categories, ADTR and ADTR+, beside the paper's numbers.")
    .description(
      "Trains and tests ADTR and ADTR+ on all categories and prints the paper's tables with the paper's numbers beside " +
        "those found; `ablations` compares variants of ADTR. It can be stopped at any time: the same command goes on, " +
        "and does not do again what is done.",
    )
    .argument("<TARGET>", TARGETS.join(", "))
    .option("--data <ROOT>", "MVTec-AD's folder, or cifar10:PATH; the demo makes its own")
    .option("--category <A,B|all>", "which categories", "all")
    .option("--weights <FILE>", "the backbone's weights, safetensors or .pth")
    .addOption(weightsKeyOption())
    .option("--outliers <ROOT>", "irrelevant images for ADTR+ on CIFAR-10: cifar100:PATH or a folder")
    .option("--out <RUN>", "folder for the results (default: runs/reproduce-TARGET)")
    .option("--preset <NAME>", "paper, quick, small or demo (default: paper; with demo data demo)")
    .option(
      "--methods <A,B|all>",
      `which of ${NAMES.join(", ")}; or ${
        [...PAPER_TABLES.keys()].join(", ")
      }, the rows of a table of the paper ` +
        "(default: adtr,adtr+)",
    )
    .addOption(checkedOption("--seeds <N>", "seeds, for mean and standard deviation", whole(1, 1000), 1))
    .addOption(checkedOption("--plus-epochs <N>", "epochs of ADTR+, which begins with ADTR", whole(1)))
    .option("--json", "print JSON");
  addSettings(command, { method, names: SETTINGS })
    .addHelpText(
      "after",
      methodHelp("reproduce TARGET", method) + "\n\nExamples:\n  ./adtr reproduce demo --seeds 3" +
        "\n  ./adtr reproduce mvtec --data mvtec --weights efficientnet_b4.pth" +
        "\n  ./adtr reproduce cifar10 --data cifar10:cifar-10-binary.tar.gz --outliers cifar100:cifar-100-binary.tar.gz " +
        "--weights efficientnet_b4.pth",
    )
    .action(reproduce);
}

async function reproduce(target: string, options: ReproduceOptions & { json?: true }): Promise<void> {
  const plan = await planReproduction(
    target,
    await withRoi(givenSettings({ ...options }, SETTINGS)),
    options,
  );
  const display = new ProgressDisplay();
  if (await isThere(join(plan.out, CONFIG))) {
    throw new InputError(
      `Expected --out to be a folder for reproductions, but found a run of train in ${plan.out}`,
    );
  }
  using _out = await makeFolderForWork(plan.out);
  if (plan.isDemo) await makeMissing(plan.data, plan.categories, plan.pictureSize);
  using interrupt = new Interrupt(() => display.warn("stopping … (Ctrl-C again ends it at once)"));
  const outcome = await withGpu((gpu) => runReproduction(plan, gpu, display, interrupt.signal)).finally(() =>
    display.finish()
  );
  if (outcome === null) throw new Stopped("stopped; the same command goes on");
  const comparisons = tables(plan, outcome), summary = summaryOf(plan, outcome, comparisons);
  const titles = comparisons.map(({ title }) => title), paper = plan.isDemo ? "paper, MVTec" : "paper";
  const name = ({ entry, category, seed }: Cell): string => `${entry.name} on ${category} with seed ${seed}`;
  const failures = outcome.failures.map((cell) => `${name(cell)}: ${cell.message}`);
  const elsewhere = outcome.elsewhere.map(name);
  const missing = [...outcome.failures.map(name), ...elsewhere], head = heading(plan, missing);
  await writeText(
    join(plan.out, "table.md"),
    [head, ...comparisons.map((table) => comparisonTable(table, { markdown: true }))].join("\n"),
  );
  await writeText(
    join(plan.out, "summary.md"),
    head + "\n" + summaryTable(titles, summary, { paper, markdown: true }),
  );
  await writeText(join(plan.out, "table.csv"), comparisonCsv(comparisons));
  await writeText(join(plan.out, REPORT), await indexOf(plan, outcome, comparisons, missing));
  const all = { target, seeds: plan.seeds, tables: comparisons, failures, elsewhere };
  await writeJson(join(plan.out, "table.json"), all);
  if (options.json) {
    console.log(JSON.stringify(all, null, 2));
  } else {
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
  if (elsewhere.length > 0) {
    const models = elsewhere.length === 1 ? "1 model is" : `${elsewhere.length} models are`;
    display.warn(
      `${models} being made by another run, and missing in the tables:\n${elsewhere.join("\n")}\n` +
        "The same command adds what is done.",
    );
  }
  if (failures.length > 0) {
    throw new InputError(
      `${failures.length} of ${cellsOf(plan).length} models failed:\n${failures.join("\n")}`,
    );
  }
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
