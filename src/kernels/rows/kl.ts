/**
 * Host side of kl.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { rowKernel } from "../dense/element.ts";
import { spread } from "../grid.ts";
import source from "./kl.wgsl" with { type: "text" };

/** d [B] = ½ Σ (mu² + exp(logVariance) − 1 − logVariance): mu, logVariance [B, D]. */
export function klNormal(gpu: Compute, mu: Tensor, logVariance: Tensor, d: Tensor): void {
  const rows = d.size, columns = mu.size / rows;
  const { kernel, width, grid } = rowKernel(gpu, source, "kl", "divergence", columns);
  const [across, down] = grid(rows);
  const params = { rows, columns: columns / width, across, add: 0 };
  gpu.stream.dispatch(kernel, { mu, variance: logVariance, d }, params, [across, down]);
}

/** Gradient of {@linkcode klNormal} with respect to one of both, from dd [B], written or added as `to` says. */
export function klNormalBackward(
  gpu: Compute,
  x: Tensor,
  side: "mu" | "variance",
  dd: Tensor,
  to: { tensor: Tensor; add: boolean },
): void {
  const rows = dd.size, columns = x.size / rows;
  const { kernel, width } = rowKernel(gpu, source, "kl", `slope_${side}`, columns);
  const { across, grid } = spread(x.size / width);
  const params = { rows, columns: columns / width, across, add: +to.add };
  gpu.stream.dispatch(kernel, { [side]: x, dd, dx: to.tensor }, params, grid);
}
