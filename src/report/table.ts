/**
 * Tables for terminals and Markdown files: columns aligned, numbers to the right and with the same number of
 * decimals throughout a column.
 *
 * @module
 */
import { printable } from "./printable.ts";

/** What a table's cell may hold; null is a value that is undefined and shows as a dash. */
export type Cell = string | number | null;

/** How a table looks. */
export interface TableOptions {
  /** Decimals in columns with a number that isn't whole, default 3; or the decimals of each column. */
  digits?: number | readonly number[];
  /** A line before the last row, where it sums up the others. */
  footer?: boolean;
  /** ANSI bold and dim. Default false: whoever prints knows whether it is wanted. */
  color?: boolean;
  /** GitHub's Markdown instead of plain text; `footer` and `color` don't apply. */
  markdown?: boolean;
}

/**
 * Lays out a table.
 *
 * @param rows as many cells each as the header
 * @param header the columns' names
 * @returns lines, each ending with a line feed
 * @throws RangeError if a row has more or fewer cells
 */
export function table(rows: Cell[][], header: string[], options: TableOptions = {}): string {
  const { digits, footer = false, color = false, markdown = false } = options;
  const escape = (text: string): string =>
    markdown ? printable(text).replaceAll("|", "\\|") : printable(text);
  const names = header.map(escape);
  const body = formatCells(rows, header.length, digits).map((row) => row.map(escape));
  const numeric = header.map((_, c) => isNumeric(rows, c));
  const widths = names.map((name, c) => Math.max(name.length, ...body.map((row) => row[c].length)));

  const pad = (text: string, c: number): string =>
    numeric[c] ? text.padStart(widths[c]) : text.padEnd(widths[c]);
  if (markdown) {
    const line = (cells: string[]): string => `| ${cells.join(" | ")} |\n`;
    const rule = widths.map((width, c) => "-".repeat(Math.max(width - 1, 2)) + (numeric[c] ? ":" : "-"));
    return [names.map(pad), rule, ...body.map((row) => row.map(pad))].map(line).join("");
  }
  const style = (code: number, text: string): string => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  const line = (cells: string[]): string => cells.map(pad).join("  ").trimEnd();
  const rule = style(2, widths.map((width) => "─".repeat(width)).join("──"));
  const lines = [style(1, line(names)), rule, ...body.map(line)];
  if (footer && rows.length > 0) lines.splice(-1, 0, rule);
  return lines.join("\n") + "\n";
}

/**
 * Cells as text: a column's numbers with equal decimals (none where all are whole, unless said), null as a dash.
 *
 * @throws RangeError if a row hasn't got that many columns
 */
export function formatCells(
  rows: Cell[][],
  columns: number,
  digits: number | readonly number[] = 3,
): string[][] {
  for (const row of rows) {
    if (row.length !== columns) throw new RangeError(`Expected ${columns} cells, but found ${row.length}`);
  }
  const decimals = Array.from({ length: columns }, (_, c) => {
    if (typeof digits !== "number") return digits[c];
    const whole = rows.every((row) => typeof row[c] !== "number" || Number.isInteger(row[c]));
    return whole ? 0 : digits;
  });
  return rows.map((row) =>
    row.map((cell, c) => cell === null ? "–" : typeof cell === "number" ? cell.toFixed(decimals[c]) : cell)
  );
}

/** Whether a column holds no text, only numbers and dashes. */
export function isNumeric(rows: Cell[][], column: number): boolean {
  return rows.length > 0 && rows.every((row) => typeof row[column] !== "string");
}
