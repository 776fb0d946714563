/**
 * The second derivative of a loss along a direction in the space of parameters, by a central difference of gradients:
 *
 *     H u ≈ (∇L(θ + ε u) − ∇L(θ − ε u)) / 2ε
 *
 * ε moves the parameters by a hundredth of their norms: less drowns in float32's rounding, more is no derivative. The loss has to
 * be smooth on the way: where ReLUs open and close, gradients jump, of which a second derivative (PyTorch's too) knows nothing.
 *
 * @module
 */
import type { Tape } from "../autograd/tape.ts";
import { clamp, exp, log, scale, subtract } from "../autograd/arithmetic.ts";
import { sum } from "../autograd/reductions.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { accumulate } from "../kernels/dense/elementwise.ts";
import { scaleRows } from "../kernels/rows/scaled.ts";
import { sumOfSquares } from "../kernels/rows/squares.ts";
import type { Parameters } from "./parameters.ts";

const SHARE = 0.01; // of the norms, that parameters are moved by
const LEAST = 1e-30; // of squared norms

/**
 * y += weight · H u. The parameters are afterwards what they were before, bit for bit; their gradients are the second one's.
 *
 * @param tape without records
 * @param u the direction, in the layout of `parameters.values`; zero but for the parameters in `names`
 * @param gradient computes ∇L by the parameters as they are, to `parameters.gradients`; called twice
 * @param y in the same layout
 */
export function addSecondDerivative(
  tape: Tape,
  parameters: Parameters,
  u: Tensor,
  names: readonly string[],
  gradient: () => void,
  y: Tensor,
  weight: number,
): void {
  const { gpu } = tape, { values, gradients } = parameters, { size } = values;
  // The squares of ‖u‖ / ‖θ‖ of each parameter, and their sum, as a logarithm.
  const norms = [u, values].map((flat) => {
    const squares = gpu.empty([names.length], "squared norms");
    names.forEach((name, offset) => sumOfSquares(gpu, parameters.part(flat, name), squares, { offset }));
    return log(tape, clamp(tape, squares, LEAST, 1 / LEAST));
  });
  const ratios = exp(tape, subtract(tape, norms[0], norms[1])), all = log(tape, sum(tape, ratios));
  const step = exp(tape, scale(tape, all, -0.5, Math.log(SHARE)));
  const inverse = exp(tape, scale(tape, all, 0.5, -Math.log(SHARE))); // 1 / step

  const before = gpu.empty([size], "the parameters"), difference = gpu.empty([size], "a change of gradients");
  gpu.stream.copy(values, before);
  for (const sign of [1, -1]) {
    const moved = scale(tape, step, sign);
    gpu.stream.copy(before, values);
    scaleRows(gpu, u, moved, values, true);
    gradient();
    accumulate(gpu, gradients, difference, sign < 0, sign);
  }
  gpu.stream.copy(before, values);
  scaleRows(gpu, difference, scale(tape, inverse, weight / 2), y, true);
}
