/**
 * A grid for kernels that have a thread for each of many things: one line of workgroups reaches 65535 · 64 of them only.
 *
 * @module
 */

const GROUPS_ACROSS = 4096;

/** A grid with a thread for each of `n` things in workgroups of 64, `across` of them in a line. */
export function spread(n: number): { across: number; grid: [number, number] } {
  const groups = Math.ceil(n / 64), across = Math.min(groups, GROUPS_ACROSS);
  return { across: across * 64, grid: [across, Math.ceil(groups / across)] };
}
