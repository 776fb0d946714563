/**
 * Host side of losses.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { rowKernel } from "../dense/element.ts";
import { spread } from "../grid.ts";
import source from "./losses.wgsl" with { type: "text" };

const UNUSED = { C: 0, k: 0, n: 0, alpha: 0, factor: 0, plain: 0, add: 0 };

/** m = (1/C) Σ |x − wanted| over the last dimension: x, wanted [B, N, wide] → m [B, N]. */
export function absoluteMeans(gpu: Compute, x: Tensor, wanted: Tensor, m: Tensor, C: number): void {
  const wide = x.size / m.size;
  const { kernel, width, grid } = rowKernel(gpu, source, "losses", "means", wide);
  const [across, down] = grid(m.size);
  const params = { ...UNUSED, rows: m.size, columns: wide / width, across, C };
  gpu.stream.dispatch(kernel, { x, wanted, m }, params, [across, down]);
}

/** roles [B, N]: 1 where y is 0, −1 where it is 1; y [B, N], or [B] for all positions of an image. */
export function labelledRoles(gpu: Compute, y: Tensor, roles: Tensor): void {
  const { kernel } = rowKernel(gpu, source, "losses", "labelled", 1);
  const { across, grid } = spread(roles.size);
  gpu.stream.dispatch(kernel, { y, roles }, {
    ...UNUSED,
    rows: roles.size,
    columns: roles.size / y.size,
    across,
  }, grid);
}

/** roles [B, N]: 0 but for the k largest m of every image, the first of equals; there as its label in y [B] says. */
export function largestRoles(gpu: Compute, m: Tensor, y: Tensor, roles: Tensor, k: number): void {
  const { kernel } = rowKernel(gpu, source, "losses", "k_largest", 1);
  const { across, grid } = spread(roles.size);
  const params = { ...UNUSED, rows: roles.size, columns: roles.size / y.size, across, k };
  gpu.stream.dispatch(kernel, { m, y, roles }, params, grid);
}

/**
 * Every image's loss [B], and its slopes [B, N] with respect to m.
 *
 * @param n what the sums of φ are divided by
 * @param plain whether φ is m itself
 */
export function pullAndPush(
  gpu: Compute,
  m: Tensor,
  roles: Tensor,
  losses: Tensor,
  slopes: Tensor,
  n: number,
  alpha: number,
  plain = false,
): void {
  const B = losses.size;
  const { kernel, grid } = rowKernel(gpu, source, "losses", "loss", 1);
  const [across, down] = grid(B);
  const params = { ...UNUSED, rows: B, columns: m.size / B, across, n, alpha, plain: +plain };
  gpu.stream.dispatch(kernel, { m, roles, losses, slopes }, params, [across, down]);
}

/** dx = factor · dloss[0] · slopes · sign(x − wanted): x, wanted, dx [B, N, wide], slopes [B, N]. */
export function absoluteMeansBackward(
  gpu: Compute,
  x: Tensor,
  wanted: Tensor,
  slopes: Tensor,
  dloss: Tensor,
  dx: Tensor,
  factor: number,
): void {
  const rows = slopes.size;
  const { kernel, width } = rowKernel(gpu, source, "losses", "gradient", x.size / rows);
  const { across, grid } = spread(x.size / width);
  const params = { ...UNUSED, rows, columns: x.size / rows / width, across, factor };
  gpu.stream.dispatch(kernel, { x, wanted, slopes, dloss, dx }, params, grid);
}

/** dm = factor · dloss[0] · slopes, written or added as `to` says. */
export function bySlopes(
  gpu: Compute,
  slopes: Tensor,
  dloss: Tensor,
  to: { tensor: Tensor; add: boolean },
  factor: number,
): void {
  const { kernel } = rowKernel(gpu, source, "losses", "slope", 1), { across, grid } = spread(slopes.size);
  const params = { ...UNUSED, rows: slopes.size, columns: 1, across, factor, add: +to.add };
  gpu.stream.dispatch(kernel, { slopes, dloss, dm: to.tensor }, params, grid);
}
