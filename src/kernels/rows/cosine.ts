/**
 * Host side of cosine.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { rowKernel } from "../dense/element.ts";
import source from "./cosine.wgsl" with { type: "text" };

/** d [...] = 1 − cos(x, y) over the last dimension: x, y [..., C]. */
export function cosineDistance(gpu: Compute, x: Tensor, y: Tensor, d: Tensor, eps: number): void {
  launch(gpu, "distance", { x, y, d }, d.size, eps, false);
}

/** Gradient of {@linkcode cosineDistance} with respect to x, from dd [...], written or added as `to` says. */
export function cosineDistanceBackward(
  gpu: Compute,
  x: Tensor,
  y: Tensor,
  dd: Tensor,
  to: { tensor: Tensor; add: boolean },
  eps: number,
): void {
  launch(gpu, "slope", { x, y, dd, dx: to.tensor }, dd.size, eps, to.add);
}

function launch(
  gpu: Compute,
  entry: string,
  tensors: Record<string, Tensor>,
  rows: number,
  eps: number,
  add: boolean,
): void {
  const C = tensors.x.size / rows, { kernel, width, grid } = rowKernel(gpu, source, "cosine", entry, C);
  const [across, down] = grid(rows);
  gpu.stream.dispatch(kernel, tensors, { rows, columns: C / width, across, add: +add, eps }, [across, down]);
}
