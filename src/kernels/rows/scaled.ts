/**
 * Host side of scaled.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { rowKernel } from "../dense/element.ts";
import { spread } from "../grid.ts";
import source from "./scaled.wgsl" with { type: "text" };

/** s [rows] = the sums of x's rows, x of rows · columns values. Rows are added up whole, so they are for short ones. */
export function sumRows(gpu: Compute, x: Tensor, s: Tensor): void {
  const rows = s.size, columns = columnsOf(x, s);
  const { kernel, width, grid } = rowKernel(gpu, source, "scaled rows", "sums", columns);
  const [across, down] = grid(rows), params = { rows, columns: columns / width, across, add: 0, scale: 1 };
  gpu.stream.dispatch(kernel, { x, to: s }, params, [across, down]);
}

/** y[row, :] = scale · s[row], or added if `add`. */
export function spreadRows(gpu: Compute, s: Tensor, y: Tensor, add: boolean, scale = 1): void {
  launch(gpu, "spread", { s, y }, add, scale);
}

/** y[row, :] = x[row, :] · s[row], or added if `add`. */
export function scaleRows(gpu: Compute, x: Tensor, s: Tensor, y: Tensor, add: boolean): void {
  launch(gpu, "scaled", { x, s, y }, add, 1);
}

function launch(
  gpu: Compute,
  entry: "spread" | "scaled",
  tensors: { x?: Tensor; s: Tensor; y: Tensor },
  add: boolean,
  scale: number,
): void {
  const { s, y } = tensors, columns = columnsOf(y, s);
  const { kernel, width } = rowKernel(gpu, source, "scaled rows", entry, columns);
  const { across, grid } = spread(y.size / width);
  const params = { rows: s.size, columns: columns / width, across, add: add ? 1 : 0, scale };
  gpu.stream.dispatch(kernel, tensors as Record<string, Tensor>, params, grid);
}

function columnsOf(x: Tensor, s: Tensor): number {
  if (x.size % s.size !== 0) {
    throw new RangeError(`Expected one of [${s.shape}] for each row of [${x.shape}]`);
  }
  return x.size / s.size;
}
