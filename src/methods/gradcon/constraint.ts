/**
 * GradCon's directional constraint (Kwon et al. 2020, eq. 3): how far the gradients of a reconstruction's error by the decoder's
 * weights point elsewhere than those of past images, 1 − mean over layers of cos(g, mean of past g).
 *
 * @module
 */
import { cosineDistance } from "../../autograd/distances.ts";
import { weightedSum } from "../../autograd/reductions.ts";
import { Tape } from "../../autograd/tape.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { fill } from "../../kernels/dense/elementwise.ts";
import type { Parameters } from "../../optim/parameters.ts";
import { addSecondDerivative } from "../../optim/second_derivative.ts";
import { scoringTape } from "../trained.ts";
import { CONSTRAINED } from "./net.ts";

/** 1 − mean cos, [1], of gradients and the means of past ones, both by layer. */
export function constraintOf(tape: Tape, gradients: readonly Tensor[], past: readonly Tensor[]): Tensor {
  const flat = (x: Tensor) => x.view([x.size]);
  const distances = gradients.map((g, i) => cosineDistance(tape, flat(g), flat(past[i])));
  return weightedSum(tape, distances.map((d) => [1 / distances.length, d]));
}

/** A loss and what it is the sum of, [1] each. */
export interface Constrained {
  /** What computed the gradients, for the optimizer. */
  readonly tape: Tape;
  /** The reconstruction's error. */
  readonly error: Tensor;
  /** 1 − mean cos. */
  readonly constraint: Tensor;
}

/**
 * Leaves the gradient of error + weight · constraint in `parameters.gradients`. The constraint is made of gradients, so that its
 * own gradient is a second derivative of the error.
 *
 * @param errorOf the error, [1], by the parameters as they are
 * @param past the means of past gradients, by layer
 */
export function constrain(
  gpu: Compute,
  parameters: Parameters,
  errorOf: (tape: Tape) => Tensor,
  past: readonly Tensor[],
  weight: number,
): Constrained {
  const { gradients } = parameters, shape = gradients.shape;
  const total = gpu.empty(shape, "gradients"), direction = gpu.empty(shape, "a direction");
  const descend = () => {
    const tape = new Tape(gpu), error = errorOf(tape);
    tape.backward(error);
    return { tape, error };
  };
  let { tape, error } = descend();
  gpu.stream.copy(gradients, total);

  const own = CONSTRAINED.map((name) => {
    const g = parameters.part(total, name);
    g.requiresGrad = true;
    g.grad = parameters.part(direction, name);
    return g;
  });
  fill(gpu, direction, 0);
  const by = new Tape(gpu), constraint = constraintOf(by, own, past);
  by.backward(constraint);
  const again = () => {
    tape = descend().tape;
  };
  addSecondDerivative(scoringTape(gpu), parameters, direction, CONSTRAINED, again, total, weight);
  gpu.stream.copy(total, gradients);
  return { tape, error, constraint };
}
