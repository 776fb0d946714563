/**
 * Host side of columns.wgsl: sums over rows in one or two runs, always in the same order.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { FloatTensor, FloatType, Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import { MOST_ITERATIONS } from "../iterations.ts";
import source from "./columns.wgsl" with { type: "text" };

const sums = (dtype: FloatType) => ({
  1: { name: "columns", source: elementText(1, dtype) + source, entry: "columns" },
  4: { name: "columns vec4", source: elementText(4, dtype) + source, entry: "columns" },
});
const SUM = { f32: sums("f32"), f16: sums("f16") };
// Threads that are enough to keep the adapter busy: with fewer columns, rows are split into blocks of at least 64.
const ENOUGH_THREADS = { software: 16, hardware: 1 << 14 };
const LEAST_BLOCK = 64;
const WIDE = 64;
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

/** Of how many rows at a time all columns are kept apart, so that no lane is idle: as many as fill WIDE columns. */
function foldOf({ rows, columns, pitch = columns, first = 0 }: SumColumns): number {
  let fold = 1;
  while (2 * fold * columns <= WIDE && rows / (2 * fold) >= LEAST_BLOCK && rows % (2 * fold) === 0) fold *= 2;
  return pitch === columns && first === 0 && columns < WIDE / 4 ? fold : 1;
}

/** y[offset + j] = scale · Σ_r x[r · pitch + first + j], or added to what is there. */
export function sumColumns(gpu: Compute, x: FloatTensor, y: Tensor, s: SumColumns): void {
  const { rows, columns, pitch = columns, first = 0, offset = 0, scale = 1, accumulate = false } = s;
  const folded = foldOf(s);
  if (folded > 1) { // as many rows side by side are one with more columns
    const wide = gpu.empty([folded, columns], "sums of several rows");
    sumColumns(gpu, x, wide, { rows: rows / folded, columns: folded * columns });
    sumColumns(gpu, wide, y, { rows: folded, columns, offset, scale, accumulate });
    gpu.release(wide);
    return;
  }
  const width = [columns, pitch, first, offset].every((n) => n % 4 === 0) ? 4 : 1;
  const groups = Math.ceil(columns / width / 64);
  if (groups > GROUPS_ACROSS) throw new RangeError(`Expected fewer columns to sum, but found ${columns}`);
  const wanted = Math.ceil(ENOUGH_THREADS[gpu.profile.kind] / (columns / width));
  const block = Math.min(Math.max(LEAST_BLOCK, Math.ceil(rows / wanted)), MOST_ITERATIONS);
  const blocks = rows > 2 * LEAST_BLOCK ? Math.ceil(rows / block) : 1;
  const parts = blocks > 1 ? gpu.empty([blocks, columns], "partial sums") : y;
  const to = blocks > 1
    ? { block, offset: 0, scale: 1, accumulate: 0 }
    : { block: rows, offset: offset / width, scale, accumulate: accumulate ? 1 : 0 };
  const from = { rows, columns: columns / width, pitch: pitch / width, first: first / width };
  gpu.stream.dispatch(SUM[x.dtype][width], { x, y: parts }, { ...from, ...to }, [groups, blocks]);
  if (blocks > 1) {
    sumColumns(gpu, parts, y, { rows: blocks, columns, offset, scale, accumulate });
    gpu.release(parts);
  }
}
