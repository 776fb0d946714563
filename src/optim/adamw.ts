/**
 * torch.optim.AdamW over a flat buffer of parameters, with the gradient's norm clipped first.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { adamwStep } from "../kernels/rows/adamw.ts";
import { fill } from "../kernels/dense/elementwise.ts";
import { sumOfSquares } from "../kernels/rows/squares.ts";
import type { Optimizer, StepOptions } from "./optimizer.ts";
import type { Parameters } from "./parameters.ts";
import type { Tape } from "../autograd/tape.ts";

/** PyTorch's names and, but for `clip`, defaults: `weight_decay` is decoupled, 0.01 by default. */
export interface AdamWOptions extends StepOptions {
  /** Default 0.9 and 0.999. */
  betas?: readonly [number, number];
  /** Default 1e-8. */
  eps?: number;
}

/** The optimizer. Its state are the gradients' running mean `m` and that of their squares, `v`. */
export class AdamW implements Optimizer {
  /** Steps done; to be set together with the state where a training goes on. */
  steps = 0;
  /** The moments `m` and `v`, each in the layout of `Parameters.values`. */
  readonly state: ReadonlyMap<string, Tensor>;
  #gpu: Compute;
  #parameters: Parameters;
  #m: Tensor;
  #v: Tensor;

  /** Begins with moments of zero. @param parameters what every step changes */
  constructor(gpu: Compute, parameters: Parameters) {
    this.#gpu = gpu;
    this.#parameters = parameters;
    this.#m = gpu.empty([parameters.values.size], "AdamW's first moments");
    this.#v = gpu.empty([parameters.values.size], "AdamW's second moments");
    this.state = new Map([["m", this.#m], ["v", this.#v]]);
    for (const moments of this.state.values()) fill(gpu, moments, 0);
  }

  /**
   * One step along the gradients that `tape` computed. Parameters whose `requiresGrad` is false stay as they are.
   *
   * @returns the square of the gradients' norm before clipping, [1], taken from the tape's `gpu`
   * @throws {Error} where a parameter that requires a gradient has none on the tape
   */
  step(tape: Tape, options: AdamWOptions): Tensor {
    const { lr, weight_decay = 0.01, betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8, clip = 0 } = options;
    const { gpu } = tape, parameters = this.#parameters, { gradients } = parameters;
    for (const [, parameter] of parameters.entries()) if (parameter.requiresGrad) tape.gradient(parameter);
    for (const frozen of parameters.pieces(gradients, false)) fill(gpu, frozen, 0); // of earlier steps
    const squares = gpu.empty([1], "a gradient norm");
    sumOfSquares(gpu, gradients, squares);
    const settings = { lr, weight_decay, beta1, beta2, eps, clip };
    const [p, g, m, v] = [parameters.values, gradients, this.#m, this.#v].map((flat) =>
      parameters.pieces(flat, true)
    );
    this.steps++;
    p.forEach((piece, i) => {
      const flat = { parameters: piece, gradients: g[i], m: m[i], v: v[i] };
      adamwStep(gpu, flat, settings, this.steps, squares);
    });
    return squares;
  }

  /** Gives the moments' memory back; no step can be made any more. */
  [Symbol.dispose](): void {
    for (const moments of this.state.values()) this.#gpu.release(moments);
  }
}
