/**
 * y = act(x), value by value: torch.nn.ReLU, ReLU6, SiLU, Sigmoid, Tanh, LeakyReLU, ELU and Softplus.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import type { Act } from "../kernels/conv/act.ts";
import { activate, activateBackward } from "../kernels/conv/activation.ts";
import type { Tape } from "./tape.ts";

/**
 * An activation of every value.
 *
 * @param x of any shape
 * @returns of x's shape; x itself where `act` is "none"
 * @throws {RangeError} where a leaky ReLU's slope is negative
 */
export function activation(tape: Tape, x: Tensor, act: Act): Tensor {
  if (act === "none") return x;
  const { gpu } = tape, y = gpu.empty(x.shape, "an activation's output");
  activate(gpu, act, x, y);
  return tape.record("activation", y, [x], (dy) => {
    const { tensor, add } = tape.into(x)!;
    activateBackward(gpu, act, dy, y, x, tensor, add);
  });
}
