/**
 * y = act(convTranspose2d(x, W) + b): torch.nn.ConvTranspose2d over NHWC maps. It is the input's gradient of the convolution
 * with the same weight, and that convolution is its own.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import type { Act } from "../kernels/conv/act.ts";
import { geometryOf } from "../kernels/conv/geometry.ts";
import { convolve, convolveTransposed } from "../kernels/conv/maps.ts";
import { weightGradient } from "../kernels/conv/weight_gradient.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import { activated } from "./activated.ts";
import type { Tape } from "./tape.ts";

/** Variations of {@linkcode convTranspose}, as in torch.nn.ConvTranspose2d. */
export interface ConvTransposeOptions {
  /** 1 (default) or 2. */
  stride?: number;
  /** What is left out of the result on every side. Default 0. */
  padding?: number;
  /** Rows and columns that the result has more, below and on the right: less than the stride. Default 0. */
  outputPadding?: number;
  /** What follows. Default none. */
  act?: Act;
}

/**
 * Two-dimensional transposed convolution.
 *
 * @param x [B, H, W, C]
 * @param weight [C, O, k, k], as PyTorch has it, k from 1 to 7
 * @param bias [O], or null for none
 * @returns [B, H', W', O], where H' = (H − 1) · stride − 2 · padding + k + outputPadding
 * @throws {RangeError} where the shapes do not fit, or the options are others than these
 */
export function convTranspose(
  tape: Tape,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { stride = 1, padding = 0, outputPadding = 0, act = "none" }: ConvTransposeOptions = {},
): Tensor {
  const { gpu } = tape, [B, H, W, C] = x.shape, [, O, k] = weight.shape;
  if (x.shape.length !== 4 || `${weight.shape}` !== `${[C, O, k, k]}` || bias && bias.size !== O) {
    throw new RangeError(
      "Expected maps [B, H, W, C], a weight [C, O, k, k] and a bias [O], but found " +
        `[${x.shape}], [${weight.shape}] and ${bias ? `[${bias.shape}]` : "none"}`,
    );
  }
  const [outH, outW] = [H, W].map((n) => (n - 1) * stride - 2 * padding + k + outputPadding);
  if (!(Number.isInteger(outputPadding) && outputPadding >= 0 && outputPadding < stride)) {
    throw new RangeError(`Expected an output padding of 0 to ${stride - 1}, but found ${outputPadding}`);
  }
  if (outH < 1 || outW < 1) {
    throw new RangeError(`Expected a padding that leaves something of the result, but found ${outH}×${outW}`);
  }
  const g = geometryOf([outH, outW], k, { stride, padding }); // of the convolution from y's size to x's
  const { y, gradient } = activated(
    gpu,
    act,
    [B, outH, outW, O],
    (y, act) => convolveTransposed(gpu, x, weight, bias, y, g, { act }),
  );
  return tape.record("convTranspose", y, bias ? [x, weight, bias] : [x, weight], (dy) => {
    const dz = gradient(dy), dx = tape.into(x), dweight = tape.into(weight), dbias = bias && tape.into(bias);
    if (dx) convolve(gpu, dz, weight, null, dx.tensor, g, { add: dx.add });
    if (dweight) weightGradient(gpu, x, dz, dweight.tensor, dweight.add, g);
    if (dbias) sumColumns(gpu, dz, dbias.tensor, { rows: dz.size / O, columns: O, accumulate: dbias.add });
    if (dz !== dy) gpu.release(dz);
  });
}
