/**
 * A grid for kernels that have a thread for each of many things: one line of workgroups reaches 65535 · 64 of them only.
 *
 * @module
 */

const GROUPS_ACROSS = 4096;

/** A grid with a thread for each of `n` things in workgroups of `size`, `across` of them in a line. */
export function spread(n: number, size = 64): { across: number; grid: [number, number] } {
  const groups = Math.ceil(n / size), across = Math.min(groups, GROUPS_ACROSS);
  return { across: across * size, grid: [across, Math.ceil(groups / across)] };
}
