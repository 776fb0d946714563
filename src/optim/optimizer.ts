/**
 * What a training loop and a checkpoint know of an optimizer: steps done, what it keeps between them, and how to make
 * another.
 *
 * @module
 */
import type { Tape } from "../autograd/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** What every optimizer takes for a step, by PyTorch's names. */
export interface StepOptions {
  /** Learning rate of the step. */
  lr: number;
  /** Default: the optimizer's. */
  weight_decay?: number;
  /** Largest L2 norm of all gradients together (torch.nn.utils.clip_grad_norm_). Default 0: any. */
  clip?: number;
}

/** Changes parameters along their gradients. */
export interface Optimizer extends Disposable {
  /** Steps done; to be set together with the state where a training goes on. */
  steps: number;
  /** What it keeps between steps, by name, in the layout of `Parameters.values`: a checkpoint stores it as it is. */
  readonly state: ReadonlyMap<string, Tensor>;
  /**
   * One step along the gradients that `tape` computed. Parameters whose `requiresGrad` is false stay as they are.
   *
   * @returns the square of the gradients' norm before clipping, [1], taken from the tape's `gpu`
   * @throws {Error} where a parameter that requires a gradient has none on the tape
   */
  step(tape: Tape, options: StepOptions): Tensor;
}
