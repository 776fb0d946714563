/**
 * Host side of sgd.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import source from "./sgd.wgsl" with { type: "text" };

const STEP = { name: "sgd", source, entry: "step" };

/** Flat buffers, all of one size, a multiple of 4: parameters, gradients and velocities. */
export interface Flat {
  parameters: Tensor;
  gradients: Tensor;
  velocity: Tensor;
}

/** PyTorch's names; `clip` is the largest gradient norm, 0 for any. */
export interface SgdSettings {
  lr: number;
  weight_decay: number;
  momentum: number;
  nesterov: boolean;
  clip: number;
}

/** One step. @param squares the sum of all gradients' squares, [1] */
export function sgdStep(gpu: Compute, flat: Flat, s: SgdSettings, squares: Tensor): void {
  const { parameters: p, gradients: gradient, velocity } = flat;
  const n = p.size / 4, { across, grid } = spread(n), { clip, lr, momentum } = s;
  const params = { n, across, clip, decay: s.weight_decay, lr, momentum, nesterov: s.nesterov ? 1 : 0 };
  gpu.stream.dispatch(STEP, { p, velocity, gradient, squares }, params, grid);
}
