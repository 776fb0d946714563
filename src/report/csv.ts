/**
 * CSV (RFC 4180) that is safe to open with a spreadsheet: there, a cell that begins with one of = + - @, a tab or a
 * carriage return is a formula, and may be one that does harm. A text that does gets an apostrophe in front, and so does
 * one that begins with an apostrophe: who reads a text back takes one leading apostrophe off. Numbers stay as they are,
 * with the digits that give back the same value.
 *
 * @module
 */

/** A cell; null for an empty one. */
export type CsvCell = string | number | null;

const FORMULA = /^[=+\-@\t\r']/, QUOTED = /[",\r\n]/;

/** A line with its end. */
export function csvLine(cells: readonly CsvCell[]): string {
  return cells.map(written).join(",") + "\n";
}

/** The cells of what `csvLine` wrote, line by line, as texts. */
export function csvRows(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
    if (match.index === text.length) break;
    const [, quoted, bare, end] = match, cell = quoted?.replaceAll('""', '"') ?? bare;
    rows[rows.length - 1].push(cell.startsWith("'") ? cell.slice(1) : cell);
    if (end === "\n") rows.push([]);
  }
  return rows.filter(({ length }) => length > 0);
}

function written(cell: CsvCell): string {
  if (typeof cell !== "string") return String(cell ?? "");
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
