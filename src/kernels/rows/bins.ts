/**
 * Host side of bins.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import source from "./bins.wgsl" with { type: "text" };

const BINS = { name: "bins", source, entry: "bins" };

/** Which of `count` bins of equal width over 0..1 each value is in: ⌊count · x⌋, at least 0 and at most count − 1; of x's shape. */
export function binsOf(gpu: Compute, x: Tensor, count: number): Tensor<"u32"> {
  const labels = gpu.empty(x.shape, "bins", "u32"), { across, grid } = spread(x.size);
  gpu.stream.dispatch(BINS, { x, labels }, { n: x.size, across, count }, grid);
  return labels;
}
