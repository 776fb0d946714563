/**
 * The one order that names are sorted in.
 *
 * @module
 */

/** Strings in the order of their code units, on every system and in every language. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
