/**
 * torch.optim.SGD over a flat buffer of parameters, with the gradient's norm clipped first.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { sgdStep } from "../kernels/rows/sgd.ts";
import { FlatOptimizer } from "./flat_optimizer.ts";
import type { StepOptions } from "./optimizer.ts";
import type { Parameters } from "./parameters.ts";
import type { Tape } from "../autograd/tape.ts";

/** PyTorch's names and, but for `clip`, defaults: `weight_decay` is an L2 penalty, added to the gradient, 0 by default. */
export interface SgdOptions extends StepOptions {
  /** Default 0. */
  momentum?: number;
  /** Nesterov's momentum rather than the classical one. Default false. */
  nesterov?: boolean;
}

/** The optimizer. Its state is the `velocity`, what PyTorch calls the momentum buffer. */
export class Sgd extends FlatOptimizer<"velocity"> {
  /** Begins with a velocity of zero. @param parameters what every step changes */
  constructor(gpu: Compute, parameters: Parameters) {
    super(gpu, parameters, ["velocity"]);
  }

  /** See {@linkcode FlatOptimizer.step}. @throws {RangeError} where Nesterov's momentum is wanted, but none is given */
  step(tape: Tape, options: SgdOptions): Tensor {
    const { lr, weight_decay = 0, momentum = 0, nesterov = false, clip = 0 } = options;
    if (nesterov && !(momentum > 0)) {
      throw new RangeError(`Expected a momentum above 0 for Nesterov's, but found ${momentum}`);
    }
    const settings = { lr, weight_decay, momentum, nesterov, clip };
    return this.update(tape, (flat, squares) => sgdStep(tape.gpu, flat, settings, squares));
  }
}
