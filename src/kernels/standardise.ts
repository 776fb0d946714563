/**
 * Host side of standardise.wgsl.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import source from "./standardise.wgsl" with { type: "text" };

const STANDARDISE = { name: "standardise", source, entry: "standardise" };
const ROWS = 32768; // along y of the grid

/** (x − mean) / deviation with zeros behind it: x [B, N, C], mean [N, C], deviation [C] → [B, N, wide]. */
export function standardise(gpu: Gpu, x: Tensor, mean: Tensor, deviation: Tensor, wide: number): Tensor {
  const [B, N, C] = x.shape;
  if (mean.size !== N * C || deviation.size !== C || wide < C) {
    throw new RangeError(
      `Expected a mean [${N},${C}], a deviation [${C}] and at least ${C} columns, ` +
        `but found [${mean.shape}], [${deviation.shape}] and ${wide}`,
    );
  }
  const y = gpu.empty([B, N, wide], "features"), rows = B * N;
  const grid = [Math.ceil(wide / 64), Math.min(rows, ROWS), Math.ceil(rows / ROWS)] as const;
  gpu.stream.dispatch(STANDARDISE, { x, mean, deviation, y }, { rows, N, C, wide }, grid);
  return y;
}
