/**
 * Host side of adam.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import source from "./adam.wgsl" with { type: "text" };

const STEP = { name: "adam", source, entry: "step" };

/** Flat buffers, all of one size, a multiple of 4: parameters, gradients, and Adam's two moments. */
export interface Flat {
  parameters: Tensor;
  gradients: Tensor;
  m: Tensor;
  v: Tensor;
}

/** PyTorch's names; `clip` is the largest gradient norm, 0 for any. */
export interface AdamSettings {
  lr: number;
  weight_decay: number;
  /** Whether weights decay by themselves, as AdamW's do, rather than by their gradient. */
  decoupled: boolean;
  beta1: number;
  beta2: number;
  eps: number;
  clip: number;
}

/**
 * One step.
 *
 * @param t the step's number, from 1 on
 * @param squares the sum of all gradients' squares, [1]
 */
export function adamStep(
  gpu: Compute,
  flat: Flat,
  s: AdamSettings,
  t: number,
  squares: Tensor,
): void {
  const n = flat.parameters.size / 4, { across, grid } = spread(n);
  const params = {
    n,
    across,
    clip: s.clip,
    decay: s.decoupled ? 0 : s.weight_decay,
    shrink: s.decoupled ? 1 - s.lr * s.weight_decay : 1,
    size: s.lr / (1 - s.beta1 ** t),
    root: Math.sqrt(1 - s.beta2 ** t),
    beta1: s.beta1,
    beta2: s.beta2,
    rest1: 1 - s.beta1,
    rest2: 1 - s.beta2,
    eps: s.eps,
  };
  const { parameters: p, gradients: gradient, m, v } = flat;
  gpu.stream.dispatch(STEP, { p, m, v, gradient, squares }, params, grid);
}
