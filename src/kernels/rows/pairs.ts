/**
 * Host side of pairs.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import { spread } from "../grid.ts";
import { sumColumns } from "./columns.ts";
import source from "./pairs.wgsl" with { type: "text" };

/** What a pair of values loses. */
export type PairLoss = "l1" | "smooth l1" | "binary cross-entropy";

const GROUP = 64;
const THREADS = 2048; // that share a sum: enough for any adapter

/** y[0] = mean of the pairs' losses: x and target of one size. */
export function meanOfPairs(gpu: Compute, kind: PairLoss, x: Tensor, target: Tensor, y: Tensor): void {
  const { kernels, n } = made(kind, x.size), threads = Math.min(THREADS, n);
  const parts = gpu.empty([threads], "partial sums");
  const params = { n, threads, across: 0, add: 0, factor: 1 };
  gpu.stream.dispatch(kernels.sum, { x, y: target, parts }, params, [Math.ceil(threads / GROUP)]);
  sumColumns(gpu, parts, y, { rows: threads, columns: 1, scale: 1 / x.size });
  gpu.release(parts);
}

/** Gradient of {@linkcode meanOfPairs} with respect to one of both, from dloss [1], written or added as `to` says. */
export function meanOfPairsBackward(
  gpu: Compute,
  kind: PairLoss,
  x: Tensor,
  target: Tensor,
  dloss: Tensor,
  side: "x" | "y",
  to: { tensor: Tensor; add: boolean },
): void {
  const { kernels, n } = made(kind, x.size), { across, grid } = spread(n, GROUP);
  const params = { n, threads: 0, across, add: +to.add, factor: 1 / x.size };
  gpu.stream.dispatch(kernels[side], { x, y: target, dloss, d: to.tensor }, params, grid);
}

const KINDS: readonly PairLoss[] = ["l1", "smooth l1", "binary cross-entropy"]; // numbered as in the kernel
const KERNELS = { 1: KINDS.map((_, i) => family(i, 1)), 4: KINDS.map((_, i) => family(i, 4)) };

function made(kind: PairLoss, size: number) {
  const width = size % 4 === 0 ? 4 : 1;
  return { kernels: KERNELS[width][KINDS.indexOf(kind)], n: size / width };
}

function family(kind: number, width: 1 | 4): Record<"sum" | "x" | "y", Kernel> {
  const text = elementText(width) + source, name = `pairs${width === 4 ? " vec4" : ""}`;
  const kernel = (entry: string): Kernel => ({
    name,
    source: text,
    entry,
    constants: { KIND: kind, GROUP },
  });
  return { sum: kernel("sum"), x: kernel("slope_x"), y: kernel("slope_y") };
}
