/**
 * Host side of neighbourhood.wgsl: what PatchCore does to features before they are patches.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./neighbourhood.wgsl" with { type: "text" };

const MEAN = { name: "neighbourhood", source, entry: "mean" };

/** Mean over each position's 3×3 neighbourhood, fewer at the border: x [B, H · W, C] → the same shape. */
export function neighbourhoodMean(gpu: Compute, x: Tensor, H: number, W: number): Tensor {
  const [B, N, C] = x.shape;
  if (N !== H * W) throw new RangeError(`Expected features of ${H}×${W} positions, but found [${x.shape}]`);
  const y = gpu.empty(x.shape, "patch features");
  gpu.stream.dispatch(MEAN, { x, y }, { H, W, C }, [Math.ceil(W * C / 64), H, B]);
  return y;
}
