/**
 * Host side of position.wgsl: learned position embeddings, one half of the width for columns, one for rows.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./position.wgsl" with { type: "text" };

const FORWARD = { name: "position", source, entry: "forward" };
const BACKWARD = { name: "position", source, entry: "backward" };

/** pos [H·W, D] = cat(columns[w], rows[h]) for columns [W, D/2] and rows [H, D/2]. */
export function positions(gpu: Compute, columns: Tensor, rows: Tensor): Tensor {
  const [W, half] = columns.shape, [H, other] = rows.shape;
  if (half !== other) throw new RangeError(`Expected tables of one width, but found ${half} and ${other}`);
  const pos = gpu.empty([H * W, 2 * half], "position embeddings");
  const params = { H, W, half, addColumns: 0, addRows: 0 };
  gpu.stream.dispatch(FORWARD, { columns, rows, pos }, params, [Math.ceil(2 * half / 64), W, H]);
  return pos;
}

/** Gradients of both tables from dpos [H·W, D], each added to what is there if its flag is set. */
export function positionsBackward(
  gpu: Compute,
  dpos: Tensor,
  dcolumns: { tensor: Tensor; add: boolean },
  drows: { tensor: Tensor; add: boolean },
): void {
  const [W, half] = dcolumns.tensor.shape, [H] = drows.tensor.shape;
  const params = { H, W, half, addColumns: dcolumns.add ? 1 : 0, addRows: drows.add ? 1 : 0 };
  gpu.stream.dispatch(
    BACKWARD,
    { dpos, dcolumns: dcolumns.tensor, drows: drows.tensor },
    params,
    [Math.ceil((W + H) * half / 64)],
  );
}
