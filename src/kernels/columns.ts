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
const GROUPS_ACROSS = 65535;

/** How to sum: rows of x lie `pitch` apart and begin at `first`; y gets `columns` values from `offset` on. */
export interface SumColumns {
  rows: number;
  columns: number;
  /** `columns` by default. */
  pitch?: number;
  first?: number;
  offset?: number;
  scale?: number;
  /** Adds to what is there. */
  accumulate?: boolean;
}

/** y[offset + j] = scale · Σ_r x[r · pitch + first + j], or added to what is there. */
export function sumColumns(gpu: Gpu, x: Tensor, y: Tensor, s: SumColumns): void {
  const { rows, columns, pitch = columns, first = 0, offset = 0, scale = 1, accumulate = false } = s;
  const groups = Math.ceil(columns / 64);
  if (groups > GROUPS_ACROSS) {
    throw new RangeError(`Expected at most ${64 * GROUPS_ACROSS} columns, but found ${columns}`);
  }
  const blocks = rows > 2 * BLOCK ? Math.ceil(rows / BLOCK) : 1;
  const from = { rows, columns, pitch, first };
  if (blocks === 1) {
    const to = { block: rows, offset, scale, accumulate: accumulate ? 1 : 0 };
    gpu.stream.dispatch(SUM, { x, y }, { ...from, ...to }, [groups]);
    return;
  }
  const parts = gpu.empty([blocks, columns], "partial sums");
  gpu.stream.dispatch(SUM, { x, y: parts }, { ...from, block: BLOCK, offset: 0, scale: 1, accumulate: 0 }, [
    groups,
    blocks,
  ]);
  sumColumns(gpu, parts, y, { rows: blocks, columns, offset, scale, accumulate });
  gpu.release(parts);
}
