/**
 * Nearest rows by plain loops in float64.
 *
 * @module
 */
import type { Values } from "./training.ts";

/** Euclidean distance of row q of a to row r of b, C values each. */
export function distance(a: Values, q: number, b: Values, r: number, C: number): number {
  let sum = 0;
  for (let c = 0; c < C; c++) sum += (a[q * C + c] - b[r * C + c]) ** 2;
  return Math.sqrt(sum);
}

/** All rows of b by their distance from row q of a, the first of equals first. */
export function nearestRows(
  a: Values,
  q: number,
  b: Values,
  C: number,
  rows: readonly number[] = Array.from({ length: b.length / C }, (_, r) => r),
): { row: number; distance: number }[] {
  return rows.map((row) => ({ row, distance: distance(a, q, b, row, C) }))
    .sort((x, y) => x.distance - y.distance || x.row - y.row);
}
