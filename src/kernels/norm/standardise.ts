/**
 * Host side of standardise.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./standardise.wgsl" with { type: "text" };

const STANDARDISE = { name: "standardise", source, entry: "standardise" };
const CENTRE = { name: "standardise", source, entry: "centre" };
const ROWS = 32768; // along y of the grid

/** (x − mean) / deviation with zeros behind it: x [B, N, C], mean [N, C], deviation [C] → [B, N, wide]. */
export function standardise(gpu: Compute, x: Tensor, mean: Tensor, deviation: Tensor, wide: number): Tensor {
  const [B, N, C] = x.shape;
  if (mean.size !== N * C || deviation.size !== C || wide < C) {
    throw new RangeError(
      `Expected a mean [${N},${C}], a deviation [${C}] and at least ${C} columns, ` +
        `but found [${mean.shape}], [${deviation.shape}] and ${wide}`,
    );
  }
  const y = gpu.empty([B, N, wide], "features"), rows = B * N;
  gpu.stream.dispatch(
    STANDARDISE,
    { x, mean, deviation, y },
    { rows, N, C, wide, chosen: C },
    gridOf(rows, wide),
  );
  return y;
}

/**
 * Some channels less their means, with zeros behind them.
 *
 * @param x [B, N, C]
 * @param channels [chosen]
 * @param mean [N, chosen]
 * @returns [B, N, wide]
 */
export function centreChannels(
  gpu: Compute,
  x: Tensor,
  channels: Tensor<"u32">,
  mean: Tensor,
  wide: number,
): Tensor {
  const [B, N, C] = x.shape, chosen = channels.size;
  if (mean.size !== N * chosen || wide < chosen) {
    throw new RangeError(
      `Expected a mean [${N},${chosen}] and at least ${chosen} columns, but found [${mean.shape}] and ${wide}`,
    );
  }
  const y = gpu.empty([B, N, wide], "features"), rows = B * N;
  gpu.stream.dispatch(CENTRE, { x, mean, channels, y }, { rows, N, C, wide, chosen }, gridOf(rows, wide));
  return y;
}

function gridOf(rows: number, wide: number): [number, number, number] {
  return [Math.ceil(wide / 64), Math.min(rows, ROWS), Math.ceil(rows / ROWS)];
}
