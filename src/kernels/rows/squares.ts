/**
 * Host side of squares.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { sumColumns } from "./columns.ts";
import { rowKernel } from "../dense/element.ts";
import { spread } from "../grid.ts";
import source from "./squares.wgsl" with { type: "text" };

const THREADS = 2048; // that share a sum: enough for any adapter

/** Where a sum goes in a tensor, and what it is multiplied with. */
export interface Sum {
  scale?: number;
  offset?: number;
}

/** y[offset] = scale · Σ x². */
export function sumOfSquares(gpu: Compute, x: Tensor, y: Tensor, sum: Sum = {}): void {
  reduce(gpu, "sum", x, { x }, y, sum);
}

/** y[offset] = scale · Σ (x − wanted)². */
export function squaredDistance(gpu: Compute, x: Tensor, wanted: Tensor, y: Tensor, sum: Sum = {}): void {
  if (x.size !== wanted.size) throw new RangeError(`Expected [${x.shape}], but found [${wanted.shape}]`);
  reduce(gpu, "distance", x, { x, wanted }, y, sum);
}

/** dx = factor · dloss[0] · (x − wanted): the gradient of factor/2 · Σ (x − wanted)². */
export function squaredDistanceBackward(
  gpu: Compute,
  x: Tensor,
  wanted: Tensor,
  dloss: Tensor,
  dx: Tensor,
  factor: number,
): void {
  const { kernel, width } = rowKernel(gpu, source, "squares", "gradient", x.size);
  const n = x.size / width, { across, grid } = spread(n);
  const params = { n, threads: 0, columns: 0, across, factor };
  gpu.stream.dispatch(kernel, { x, wanted, dloss, dx }, params, grid);
}

/** L2 norms over the last dimension: x [..., C] → y, one value a row. */
export function norms(gpu: Compute, x: Tensor, y: Tensor): void {
  const C = x.shape[x.shape.length - 1], rows = x.size / C;
  if (y.size !== rows) throw new RangeError(`Expected room for ${rows} norms, but found [${y.shape}]`);
  const { kernel, width, grid } = rowKernel(gpu, source, "squares", "norms", C);
  const [across, down] = grid(rows);
  const params = { n: rows, threads: 0, columns: C / width, across, factor: 1 };
  gpu.stream.dispatch(kernel, { x, parts: y }, params, [across, down]);
}

function reduce(
  gpu: Compute,
  entry: string,
  x: Tensor,
  tensors: Record<string, Tensor>,
  y: Tensor,
  sum: Sum,
): void {
  const { kernel, width } = rowKernel(gpu, source, "squares", entry, x.size);
  const n = x.size / width, threads = Math.min(THREADS, n);
  const parts = gpu.empty([threads], "partial sums");
  const params = { n, threads, columns: 0, across: 0, factor: 1 };
  gpu.stream.dispatch(kernel, { ...tensors, parts }, params, [Math.ceil(threads / 64)]);
  sumColumns(gpu, parts, y, { rows: threads, columns: 1, ...sum });
  gpu.release(parts);
}
