/**
 * What optimizers over a flat buffer of parameters share: states of its layout, the gradients' norm, and that frozen
 * parameters have no part in a step.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { fill } from "../kernels/dense/elementwise.ts";
import { sumOfSquares } from "../kernels/rows/squares.ts";
import type { Optimizer, StepOptions } from "./optimizer.ts";
import type { Parameters } from "./parameters.ts";
import type { Tape } from "../autograd/tape.ts";

/** The same piece of all flat buffers. */
export type Pieces<State extends string> = Record<State | "parameters" | "gradients", Tensor>;

/** An optimizer whose states are named. */
export abstract class FlatOptimizer<State extends string> implements Optimizer {
  /** Steps done; to be set together with the state where a training goes on. */
  steps = 0;
  /** Each in the layout of `Parameters.values`. */
  readonly state: ReadonlyMap<string, Tensor>;
  readonly #gpu: Compute;
  readonly #parameters: Parameters;

  /**
   * Begins with states of zero.
   *
   * @param parameters what every step changes
   * @param states their names
   */
  constructor(gpu: Compute, parameters: Parameters, states: readonly State[]) {
    this.#gpu = gpu;
    this.#parameters = parameters;
    const { size } = parameters.values;
    this.state = new Map(states.map((name) => [name, gpu.empty([size], `an optimizer's ${name}`)]));
    for (const state of this.state.values()) fill(gpu, state, 0);
  }

  /**
   * One step along the gradients that `tape` computed. Parameters whose `requiresGrad` is false stay as they are.
   *
   * @returns the square of the gradients' norm before clipping, [1], taken from the tape's `gpu`
   * @throws {Error} where a parameter that requires a gradient has none on the tape
   */
  abstract step(tape: Tape, options: StepOptions): Tensor;

  /** A step: what `update` does to each piece of what is trained. */
  protected update(tape: Tape, update: (flat: Pieces<State>, squares: Tensor) => void): Tensor {
    const { gpu } = tape, parameters = this.#parameters, { values, gradients } = parameters;
    for (const [, parameter] of parameters.entries()) if (parameter.requiresGrad) tape.gradient(parameter);
    for (const frozen of parameters.pieces(gradients, false)) fill(gpu, frozen, 0); // of earlier steps
    const squares = gpu.empty([1], "a gradient norm");
    sumOfSquares(gpu, gradients, squares);
    this.steps++;
    const flat = [["parameters", values], ["gradients", gradients], ...this.state] as const;
    const pieces = flat.map(([name, tensor]) => [name, parameters.pieces(tensor, true)] as const);
    for (const i of pieces[0][1].keys()) {
      update(Object.fromEntries(pieces.map(([name, piece]) => [name, piece[i]])) as Pieces<State>, squares);
    }
    return squares;
  }

  /** Gives the states' memory back; no step can be made any more. */
  [Symbol.dispose](): void {
    for (const state of this.state.values()) this.#gpu.release(state);
  }
}
