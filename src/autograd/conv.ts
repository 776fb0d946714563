/**
 * y = act(conv2d(x, W) + b): torch.nn.Conv2d over NHWC maps. With a group a channel each has a filter of its
 * own.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import type { Act } from "../kernels/conv/act.ts";
import { filterInputGradient, filterMaps, filterWeightGradient } from "../kernels/conv/filter.ts";
import { geometryOf } from "../kernels/conv/geometry.ts";
import { convolve, convolveTransposed } from "../kernels/conv/maps.ts";
import { weightGradient } from "../kernels/conv/weight_gradient.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import { activated } from "./activated.ts";
import type { Tape } from "./tape.ts";

/** Variations of {@linkcode conv}, as in torch.nn.Conv2d. */
export interface ConvOptions {
  /** 1 (default) or 2. */
  stride?: number;
  /** Zeros on every side. Default 0. */
  padding?: number;
  /** Distance of neighbouring taps. Default 1. */
  dilation?: number;
  /** 1 (default), or C: a filter a channel. */
  groups?: number;
  /** What follows. Default none. */
  act?: Act;
}

/**
 * Two-dimensional convolution.
 *
 * @param x [B, H, W, C]
 * @param weight [O, C / groups, k, k], as PyTorch has it, k from 1 to 7; O = C where groups = C
 * @param bias [O], or null for none
 * @returns [B, H', W', O], where H' = ⌊(H + 2 · padding − dilation · (k − 1) − 1) / stride⌋ + 1
 * @throws {RangeError} where the shapes do not fit, or the options are others than these
 */
export function conv(
  tape: Tape,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { groups = 1, act = "none", ...windows }: ConvOptions = {},
): Tensor {
  const { gpu } = tape, [B, H, W, C] = x.shape, [O, , k] = weight.shape, perGroup = C / groups;
  if (
    x.shape.length !== 4 || `${weight.shape}` !== `${[O, perGroup, k, k]}` || bias && bias.size !== O ||
    groups !== 1 && (groups !== C || O !== C)
  ) {
    throw new RangeError(
      `Expected maps [B, H, W, C], a weight [O, C / groups, k, k] and a bias [O], groups 1 or C = O, but found ` +
        `[${x.shape}], [${weight.shape}], ${bias ? `[${bias.shape}]` : "none"} and ${groups}`,
    );
  }
  const g = geometryOf([H, W], k, windows), parts = groups === 1 ? maps : filters;
  const { y, gradient } = activated(
    gpu,
    act,
    [B, g.outH, g.outW, O],
    (y, act) => parts.forward(gpu, x, weight, bias, y, g, { act }),
  );
  return tape.record("conv", y, bias ? [x, weight, bias] : [x, weight], (dy) => {
    const dz = gradient(dy), dx = tape.into(x), dweight = tape.into(weight), dbias = bias && tape.into(bias);
    if (dx) parts.input(gpu, dz, weight, null, dx.tensor, g, { add: dx.add });
    if (dweight) parts.weight(gpu, dz, x, dweight.tensor, dweight.add, g);
    if (dbias) sumColumns(gpu, dz, dbias.tensor, { rows: dz.size / O, columns: O, accumulate: dbias.add });
    if (dz !== dy) gpu.release(dz);
  });
}

/** groups = 1: each channel of the result sees all of x's. */
const maps = { forward: convolve, input: convolveTransposed, weight: weightGradient };

/** groups = C: a filter a channel. */
const filters = { forward: filterMaps, input: filterInputGradient, weight: filterWeightGradient };
