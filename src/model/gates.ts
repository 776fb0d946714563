/**
 * ReLUs held as they are: which values those of a network let through is noted in one pass, and the same are let through in others.
 * On the way of a central difference nothing opens or closes then, as a second derivative (PyTorch's too) has it.
 *
 * @module
 */
import { activation } from "../autograd/activations.ts";
import { multiply } from "../autograd/arithmetic.ts";
import type { Tape } from "../autograd/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { fill, reluBackward } from "../kernels/dense/elementwise.ts";

/** The gates of a network's ReLUs, in the order in which these are passed. */
export class Gates {
  #gates: Tensor[] = [];
  #passes = 0;
  #next = 0;

  /** Begins a pass: the first one notes the gates, all others hold them. @returns itself */
  pass(): this {
    this.#passes++;
    this.#next = 0;
    return this;
  }

  /**
   * The next ReLU, noted or held.
   *
   * @throws {RangeError} where there are more of them than were noted, or x is of another shape
   */
  relu(tape: Tape, x: Tensor): Tensor {
    if (this.#passes <= 1) {
      const y = activation(tape, x, "relu");
      this.#gates.push(gateOf(tape, y));
      return y;
    }
    const gate = this.#gates[this.#next++];
    if (`${gate?.shape}` !== `${x.shape}`) {
      throw new RangeError(
        `Expected a ReLU of [${gate?.shape ?? "none"}], as in the pass before, but found [${x.shape}]`,
      );
    }
    return multiply(tape, x, gate);
  }
}

/** 1 where ReLU's result is above 0, else 0. */
function gateOf({ gpu }: Tape, y: Tensor): Tensor {
  const ones = gpu.empty(y.shape, "ones"), gate = gpu.empty(y.shape, "a gate");
  fill(gpu, ones, 1);
  reluBackward(gpu, ones, y, gate);
  gpu.release(ones);
  return gate;
}
