/**
 * Host side of columns.wgsl: sums over rows in one or two runs, always in the same order.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import source from "./columns.wgsl" with { type: "text" };

const SUM = { name: "columns", source, entry: "sum" };
const BLOCK = 64; // rows a thread adds up in a first run

/** How to sum: x is [rows, columns]; y gets `columns` values from `offset` on. */
export interface SumColumns {
  rows: number;
  columns: number;
  offset?: number;
  scale?: number;
  accumulate?: boolean;
}

/** y[offset + j] = scale · Σ_r x[r, j], or added to what is there. */
export function sumColumns(gpu: Gpu, x: Tensor, y: Tensor, s: SumColumns): void {
  const { rows, columns, offset = 0, scale = 1 } = s;
  const groups = Math.ceil(columns / 64);
  const blocks = rows > 2 * BLOCK ? Math.ceil(rows / BLOCK) : 1;
  const accumulate = s.accumulate ? 1 : 0;
  if (blocks === 1) {
    gpu.stream.dispatch(SUM, { x, y }, { rows, columns, block: rows, offset, scale, accumulate }, [groups]);
    return;
  }
  const parts = gpu.empty([blocks, columns], "partial sums");
  const first = { rows, columns, block: BLOCK, offset: 0, scale: 1, accumulate: 0 };
  gpu.stream.dispatch(SUM, { x, y: parts }, first, [groups, blocks]);
  sumColumns(gpu, parts, y, { ...s, rows: blocks });
  gpu.release(parts);
}
