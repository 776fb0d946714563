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
import type { Parameters } from "./parameters.ts";
import type { Tape } from "../autograd/tape.ts";

/** PyTorch's names and, but for `clip`, defaults. */
export interface AdamWOptions {
  /** Learning rate of the step. */
  lr: number;
  /** Decoupled weight decay. Default 0.01. */
  weight_decay?: number;
  /** Default 0.9 and 0.999. */
  betas?: readonly [number, number];
  /** Default 1e-8. */
  eps?: number;
  /** Largest L2 norm of all gradients together (torch.nn.utils.clip_grad_norm_). Default 0: any. */
  clip?: number;
}

/** The optimizer and its state: moments `m` and `v` in the layout of the parameters, and the number of steps done. */
export class AdamW {
  /** Running mean of the gradients, in the layout of `Parameters.values`. */
  readonly m: Tensor;
  /** Running mean of their squares, in the same layout. */
  readonly v: Tensor;
  /** Steps done; to be set together with `m` and `v` where a training goes on. */
  steps = 0;
  #gpu: Compute;
  #parameters: Parameters;

  /** Begins with moments of zero. @param parameters what every step changes */
  constructor(gpu: Compute, parameters: Parameters) {
    this.#gpu = gpu;
    this.#parameters = parameters;
    this.m = gpu.empty([parameters.values.size], "AdamW's first moments");
    this.v = gpu.empty([parameters.values.size], "AdamW's second moments");
    fill(gpu, this.m, 0);
    fill(gpu, this.v, 0);
  }

  /**
   * One step along the gradients that `tape` computed. Parameters whose `requiresGrad` is false stay as they are.
   *
   * @param norms receives at `at` the square of the gradients' norm before clipping; a tensor of its own by default
   * @throws {Error} where a parameter that requires a gradient has none on the tape
   */
  step(tape: Tape, options: AdamWOptions, norms?: Tensor, at = 0): void {
    const { lr, weight_decay = 0.01, betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8, clip = 0 } = options;
    const { gpu } = tape, parameters = this.#parameters, { gradients } = parameters;
    for (const [, parameter] of parameters.entries()) if (parameter.requiresGrad) tape.gradient(parameter);
    for (const frozen of parameters.pieces(gradients, false)) fill(gpu, frozen, 0); // of earlier steps
    const squares = norms ?? gpu.empty([1], "a gradient norm");
    sumOfSquares(gpu, gradients, squares, { offset: at });
    const settings = { lr, weight_decay, beta1, beta2, eps, clip };
    const [p, g, m, v] = [parameters.values, gradients, this.m, this.v].map((flat) =>
      parameters.pieces(flat, true)
    );
    this.steps++;
    p.forEach((piece, i) => {
      const flat = { parameters: piece, gradients: g[i], m: m[i], v: v[i] };
      adamwStep(gpu, flat, settings, this.steps, squares, at);
    });
    if (!norms) gpu.release(squares);
  }

  /** Gives the moments' memory back; no step can be made any more. */
  release(): void {
    this.#gpu.release(this.m);
    this.#gpu.release(this.v);
  }
}
