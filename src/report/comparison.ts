/**
 * Methods side by side, one metric a table, each number beside the paper's where that is known: as text, Markdown, CSV
 * and JSON. Numbers are percent.
 *
 * @module
 */
import { csvLine } from "./csv.ts";
import type { PaperColumn } from "./paper_numbers.ts";
import { type Cell, table } from "./table.ts";

/** One number that was measured. */
export interface Measurement {
  /** The method or variant. */
  method: string;
  category: string;
  seed: number;
  /** 0..1; null where undefined. */
  value: number | null;
}

/** Over the seeds. */
export interface Statistics {
  /** Percent; null where no seed has a value. */
  mean: number | null;
  /** Sample standard deviation; null for a single seed. */
  deviation: number | null;
  /** The paper's number, and ours less that; null where unknown. */
  paper: number | null;
  difference: number | null;
}

/** A metric of several methods by category; the last row is the mean over categories. */
export interface Comparison {
  title: string;
  methods: string[];
  rows: { category: string; cells: Statistics[] }[];
}

/** Name of the last row. */
const MEAN = "mean";

/**
 * Sorts measurements into a table. The mean is over the categories that have a value, by the seeds that all of these
 * have; the paper's mean is beside it only where these are the paper's categories.
 *
 * @param paper by method
 * @param paperCategories what the paper's means are over
 */
export function compare(
  title: string,
  methods: string[],
  categories: readonly string[],
  measurements: readonly Measurement[],
  paper: Readonly<Record<string, PaperColumn>> = {},
  paperCategories: readonly string[] = [],
): Comparison {
  const bySeed = (method: string, category: string): Map<number, number> =>
    new Map(
      measurements.filter((m) => m.method === method && m.category === category && m.value !== null)
        .map(({ seed, value }) => [seed, 100 * value!]),
    );
  const means = (method: string): number[] => {
    const columns = categories.map((category) => bySeed(method, category)).filter(({ size }) => size > 0);
    const seeds = [...columns[0]?.keys() ?? []].filter((seed) => columns.every((column) => column.has(seed)));
    return seeds.map((seed) => average(columns.map((column) => column.get(seed)!)));
  };
  const rows = categories.map((category) => ({
    category,
    cells: methods.map((method) =>
      statistics([...bySeed(method, category).values()], paper[method]?.[category])
    ),
  }));
  const last = methods.map((method) => {
    const have = categories.filter((category) => bySeed(method, category).size > 0);
    const isSame = have.length === paperCategories.length &&
      have.every((name) => paperCategories.includes(name));
    return statistics(means(method), isSame ? paper[method]?.[MEAN] : undefined);
  });
  return { title, methods, rows: [...rows, { category: MEAN, cells: last }] };
}

function statistics(values: number[], paper: number | undefined): Statistics {
  const mean = values.length > 0 ? average(values) : null;
  const spread = values.map((value) => (value - mean!) ** 2).reduce((a, b) => a + b, 0);
  return {
    mean,
    deviation: values.length > 1 ? Math.sqrt(spread / (values.length - 1)) : null,
    paper: paper ?? null,
    difference: mean !== null && paper !== undefined ? mean - paper : null,
  };
}

function average(values: number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Methods that are columns at most; where there are more, they are rows. */
const MOST_COLUMNS = 6;
/** Categories beside each other in a terminal, where methods are rows: with their means no line is long. */
const BESIDE = 5;

/** As lines for a terminal, or as Markdown under a heading. */
export function comparisonTable(
  comparison: Comparison,
  style: { markdown?: boolean; color?: boolean },
): string {
  const { header, rows, footer } = comparisonCells(comparison);
  const lines = partsOf(header.length, style.markdown || footer ? Infinity : BESIDE).map((columns) => {
    const some = <T>(cells: T[]): T[] => columns.map((column) => cells[column]);
    return table(rows.map(some), some(header), { ...style, footer, digits: columns.map(() => 1) });
  }).join("\n");
  return style.markdown ? `## ${comparison.title}, %\n\n${lines}` : `${comparison.title}, %\n${lines}`;
}

/** Columns of the tables that one is cut into: the first in each, the second, of means, in the first beside the others. */
function partsOf(columns: number, beside: number): number[][] {
  const all = Array.from({ length: columns }, (_, column) => column);
  if (columns <= 2 + beside) return [all];
  const others = all.slice(2), count = Math.ceil(others.length / beside);
  return Array.from({ length: count }, (_, i) => [
    ...i === 0 ? [0, 1] : [0],
    ...others.slice(i * beside, (i + 1) * beside),
  ]);
}

/**
 * As cells: a row for each category and in the end their means, `footer`; of many methods a row for each, its means first,
 * and the paper's numbers in a row below. Numbers are to be shown with one decimal.
 */
export function comparisonCells(
  { methods, rows }: Comparison,
): { header: string[]; rows: Cell[][]; footer: boolean } {
  if (methods.length > MOST_COLUMNS) return byMethod({ methods, rows });
  const isKnown = rows.some(({ cells }) => cells.some((c) => c.paper !== null));
  return {
    header: [
      "category",
      ...methods.flatMap((method) => isKnown ? [method, "paper", "difference"] : [method]),
    ],
    rows: rows.map(({ category, cells }): Cell[] => [
      category,
      ...cells.flatMap((cell) => isKnown ? [text(cell), cell.paper, signed(cell.difference)] : [text(cell)]),
    ]),
    footer: true,
  };
}

function byMethod({ methods, rows }: Omit<Comparison, "title">): ReturnType<typeof comparisonCells> {
  const columns = [...rows.slice(-1), ...rows.slice(0, -1)];
  return {
    header: ["method", ...columns.map(({ category }) => category)],
    rows: methods.flatMap((method, i) => {
      const cells = columns.map(({ cells }) => cells[i]), paper = cells.map(({ paper }) => paper);
      const isKnown = paper.some((value) => value !== null);
      return [[method, ...cells.map(text)], ...isKnown ? [["  paper", ...paper]] : []];
    }),
    footer: false,
  };
}

/** To the decimal that is shown. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(1));
}

function text({ mean, deviation }: Statistics): Cell {
  return mean === null || deviation === null ? mean : `${mean.toFixed(1)} ± ${deviation.toFixed(1)}`;
}

function signed(difference: number | null): Cell {
  return difference === null ? null : (difference > 0 ? "+" : "") + difference.toFixed(1);
}

/** All tables as CSV (csv.ts), one number with its surroundings a line, unrounded. */
export function comparisonCsv(comparisons: readonly Comparison[]): string {
  const lines = comparisons.flatMap(({ title, methods, rows }) =>
    rows.flatMap(({ category, cells }) =>
      cells.map(({ mean, deviation, paper, difference }, i) =>
        csvLine([title, category, methods[i], mean, deviation, paper, difference])
      )
    )
  );
  return csvLine(["metric", "category", "method", "mean", "deviation", "paper", "difference"]) +
    lines.join("");
}

/** A method's line in the summary: means over categories, percent, and what it costs. */
export interface SummaryRow {
  method: string;
  /** By metric, in the order of the columns. */
  metrics: Statistics[];
  /** Mean of a category's seconds, images a second, bytes. */
  trainSeconds: number | null;
  imagesPerSecond: number | null;
  modelBytes: number | null;
}

/**
 * Methods as rows, the best of each column marked by a star: as far as the one decimal goes that is shown.
 *
 * @param titles of the metrics' columns
 * @param paper what the columns of the paper's numbers are called
 */
export function summaryTable(
  titles: readonly string[],
  rows: readonly SummaryRow[],
  { paper = "paper", ...style }: { paper?: string; markdown?: boolean; color?: boolean },
): string {
  const best = titles.map((_, i) =>
    Math.max(...rows.map(({ metrics }) => rounded(metrics[i].mean) ?? -Infinity))
  );
  const isKnown = titles.map((_, i) => rows.some(({ metrics }) => metrics[i].paper !== null));
  const star = (shown: string, isBest: boolean): string => isBest ? `${shown} *` : shown;
  const metric = (cell: Statistics, i: number): Cell => {
    const shown = text(cell);
    if (shown === null) return null;
    return star(typeof shown === "number" ? shown.toFixed(1) : shown, rounded(cell.mean) === best[i]);
  };
  const costs = rows.map(({ trainSeconds, imagesPerSecond, modelBytes }) =>
    [trainSeconds, imagesPerSecond, modelBytes && modelBytes / 2 ** 20].map(rounded)
  );
  const least = (column: number): number => Math.min(...costs.map((row) => row[column] ?? Infinity));
  const cheapest = [least(0), Math.max(...costs.map((row) => row[1] ?? -Infinity)), least(2)];
  const body = rows.map(({ method, metrics }, r): Cell[] => [
    method,
    ...metrics.flatMap((cell, i) => isKnown[i] ? [metric(cell, i), cell.paper] : [metric(cell, i)]),
    ...costs[r].map((cost, i) => cost === null ? null : star(cost.toFixed(1), cost === cheapest[i])),
  ]);
  const header = titles.flatMap((title, i) => isKnown[i] ? [title, paper] : [title]);
  const digits = body[0].map(() => 1);
  const lines = table(body, ["method", ...header, "train s", "images/s", "model MiB"], { ...style, digits });
  return style.markdown ? `## Means over categories, %\n\n${lines}` : `Means over categories, %\n${lines}`;
}
