/**
 * torch.optim.Adam over a flat buffer of parameters, with the gradient's norm clipped first.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { adamStep } from "../kernels/rows/adam.ts";
import { FlatOptimizer } from "./flat_optimizer.ts";
import type { StepOptions } from "./optimizer.ts";
import type { Parameters } from "./parameters.ts";
import type { Tape } from "../autograd/tape.ts";

/** PyTorch's names and, but for `clip`, defaults: `weight_decay` is an L2 penalty, added to the gradient, 0 by default. */
export interface AdamOptions extends StepOptions {
  /** Default 0.9 and 0.999. */
  betas?: readonly [number, number];
  /** Default 1e-8. */
  eps?: number;
}

/** The optimizer. Its states are the gradients' running mean `m` and that of their squares, `v`. */
export class Adam extends FlatOptimizer<"m" | "v"> {
  /** Whether weights decay by themselves, as AdamW's do, rather than by their gradient. */
  protected readonly decoupled: boolean = false;

  /** Begins with moments of zero. @param parameters what every step changes */
  constructor(gpu: Compute, parameters: Parameters) {
    super(gpu, parameters, ["m", "v"]);
  }

  /** See {@linkcode FlatOptimizer.step}. */
  step(tape: Tape, options: AdamOptions): Tensor {
    const { lr, weight_decay = 0, betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8, clip = 0 } = options;
    const settings = { lr, weight_decay, decoupled: this.decoupled, beta1, beta2, eps, clip };
    return this.update(tape, (flat, squares) => adamStep(tape.gpu, flat, settings, this.steps, squares));
  }
}
