/**
 * Host side of layernorm.wgsl: LayerNorm over the last dimension of a sum of two tensors, or of one.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { sumColumns } from "../rows/columns.ts";
import { type Dropout, dropoutParams, rowKernel } from "../dense/element.ts";
import source from "./layernorm.wgsl" with { type: "text" };

const BLOCK = 64; // rows a thread adds up for dgamma and dbeta

/** What the forward pass leaves for the backward pass: the sum z [rows, columns], its mean and 1/σ [rows, 2]. */
export interface Normalised {
  y: Tensor;
  z: Tensor;
  stats: Tensor;
}

/** y = LayerNorm(x + dropout(branch)) · gamma + beta over the last dimension; a branch is optional. */
export function layerNorm(
  gpu: Compute,
  x: Tensor,
  branch: Tensor | null,
  gamma: Tensor,
  beta: Tensor,
  drop?: Dropout,
): Normalised {
  const { rows, params, start } = launch(gpu, "forward", x, branch, drop);
  const y = gpu.empty(x.shape, "a LayerNorm's output");
  const z = gpu.empty(x.shape, "a LayerNorm's input");
  const stats = gpu.empty([rows, 2], "a LayerNorm's means");
  start({ x, branch: branch ?? x, gamma, beta, z, y, stats }, { ...params, block: 0, add: 0 });
  return { y, z, stats };
}

/** Gradients of {@linkcode layerNorm}'s x (added to what is there if `add`) and branch, from dy. */
export function layerNormBackward(
  gpu: Compute,
  dy: Tensor,
  { z, stats }: Normalised,
  gamma: Tensor,
  dx: Tensor,
  add: boolean,
  dbranch: Tensor | null,
  drop?: Dropout,
): void {
  const { params, start } = launch(gpu, "backward", z, dbranch, drop);
  const unused = dbranch ? null : gpu.empty(z.shape);
  start({ x: z, gamma, stats, dy, dx, dbranch: dbranch ?? unused! }, {
    ...params,
    block: 0,
    add: add ? 1 : 0,
  });
  if (unused) gpu.release(unused);
}

/** Gradients of gamma and beta, each added to what is there if its flag is set. */
export function layerNormAffineBackward(
  gpu: Compute,
  dy: Tensor,
  { z, stats }: Normalised,
  dgamma: { tensor: Tensor; add: boolean },
  dbeta: { tensor: Tensor; add: boolean },
): void {
  const D = z.shape[z.shape.length - 1], rows = z.size / D;
  const { kernel, width } = rowKernel(gpu, source, "layernorm", "affine", D);
  const blocks = Math.ceil(rows / BLOCK), columns = D / width;
  const parts = gpu.empty([blocks, 2 * D], "partial sums");
  const params = { rows, columns, width: D, across: 0, block: BLOCK, add: 0, ...dropoutParams() };
  gpu.stream.dispatch(kernel, { x: z, stats, dy, parts }, params, [Math.ceil(columns / 64), blocks]);
  [dgamma, dbeta].forEach(({ tensor, add }, i) => {
    sumColumns(gpu, parts, tensor, { rows: blocks, columns: D, pitch: 2 * D, first: i * D, accumulate: add });
  });
  gpu.release(parts);
}

function launch(gpu: Compute, entry: string, x: Tensor, branch: Tensor | null, drop?: Dropout) {
  const D = x.shape[x.shape.length - 1], rows = x.size / D;
  const { kernel, width, grid } = rowKernel(gpu, source, "layernorm", entry, D);
  const [across, down] = grid(rows);
  const { rescale, ...mask } = dropoutParams(drop);
  const params = { rows, columns: D / width, width: D, across, ...mask, rescale: branch ? rescale : 0 };
  const start = (tensors: Record<string, Tensor>, params: Record<string, number>): void =>
    gpu.stream.dispatch(kernel, tensors, params, [across, down]);
  return { rows, params, start };
}
