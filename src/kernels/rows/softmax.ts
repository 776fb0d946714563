/**
 * Host side of softmax.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensors } from "../../gpu/pipelines.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { rowKernel } from "../dense/element.ts";
import { spread } from "../grid.ts";
import source from "./softmax.wgsl" with { type: "text" };

/** Which of both. */
export type Softmax = "softmax" | "log_softmax";

/** Softmax over the last dimension, or its logarithm: x [..., K] → y. */
export function softmax(gpu: Compute, kind: Softmax, x: Tensor, y: Tensor): void {
  launch(gpu, kind, { x, y }, x.shape.at(-1)!, x.size, false);
}

/** Gradient of {@linkcode softmax} from its result and dy, written or added as `to` says. */
export function softmaxBackward(
  gpu: Compute,
  kind: Softmax,
  result: Tensor,
  dy: Tensor,
  to: { tensor: Tensor; add: boolean },
): void {
  const K = result.shape.at(-1)!;
  launch(gpu, `${kind}_slope`, { result, dy, dx: to.tensor }, K, result.size, to.add);
}

/** losses [B] = sums − x[b, labels[b]], sums [B] the logarithms of Σ exp(x): x [B, K]. */
export function crossEntropies(
  gpu: Compute,
  x: Tensor,
  labels: Tensor<"u32">,
  sums: Tensor,
  losses: Tensor,
): void {
  launch(gpu, "cross_entropy", { x, labels, sums, losses }, x.shape[1], x.size, false);
}

/** Gradient of the mean of {@linkcode crossEntropies} from dloss [1], written or added as `to` says. */
export function crossEntropiesBackward(
  gpu: Compute,
  x: Tensor,
  labels: Tensor<"u32">,
  sums: Tensor,
  dloss: Tensor,
  to: { tensor: Tensor; add: boolean },
): void {
  const [B, K] = x.shape, { kernel, width } = rowKernel(gpu, source, "softmax", "cross_entropy_slope", K);
  const { across, grid } = spread(x.size / width);
  const params = { rows: B, columns: K / width, across, add: +to.add, factor: 1 / B, nan: NaN };
  gpu.stream.dispatch(kernel, { x, labels, sums, dloss, dx: to.tensor }, params, grid);
}

function launch(
  gpu: Compute,
  entry: string,
  tensors: Tensors,
  K: number,
  size: number,
  add: boolean,
): void {
  const rows = size / K, { kernel, width, grid } = rowKernel(gpu, source, "softmax", entry, K);
  const [across, down] = grid(rows);
  const params = { rows, columns: K / width, across, add: +add, factor: 1, nan: NaN };
  gpu.stream.dispatch(kernel, tensors, params, [across, down]);
}
