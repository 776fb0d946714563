/**
 * torch.optim.AdamW: Adam whose weights decay by themselves.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { Adam, type AdamOptions } from "./adam.ts";
import type { Tape } from "../autograd/tape.ts";

/** PyTorch's names and, but for `clip`, defaults: `weight_decay` is decoupled, 0.01 by default. */
export type AdamWOptions = AdamOptions;

/** The optimizer, with Adam's states. */
export class AdamW extends Adam {
  /** Weights decay by themselves. */
  protected override readonly decoupled = true;

  /** See {@linkcode Adam.step}. */
  override step(tape: Tape, { weight_decay = 0.01, ...options }: AdamWOptions): Tensor {
    return super.step(tape, { weight_decay, ...options });
  }
}
