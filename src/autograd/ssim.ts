/**
 * Structural similarity (Wang et al. 2004): a map of how alike two images are in brightness, contrast and structure around
 * each position, with gradients for both.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import * as kernels from "../kernels/conv/ssim.ts";
import { expectSameShape } from "./same_shape.ts";
import type { Tape } from "./tape.ts";

/** Variations of {@linkcode ssim}. */
export interface SsimOptions {
  /** Positions along a side of the window, an odd number. Default 11. */
  window?: number;
  /** Standard deviation of the window's Gaussian; null for a box, whose weights are equal. Default 1.5. */
  sigma?: number | null;
  /** Steadies the quotient of means: c1 · range² is added. Default 0.01². */
  c1?: number;
  /** Steadies the quotient of variances: c2 · range² is added. Default 0.03². */
  c2?: number;
  /** Largest value less least value that there can be. Default 1. */
  range?: number;
}

const WIDEST = 31; // windows are written out in the kernel's text

/**
 * SSIM of every position and channel, −1 to 1, 1 where both are equal: mean(1 − ssim) is a loss,
 * (2 μx μy + c1)(2 σxy + c2) / ((μx² + μy² + c1)(σx² + σy² + c2)). At the border means, variances and the covariance are
 * those of the window's part within the map, its weights scaled to add up to 1, so that the map has x's size and no
 * value is made up. (Reflecting or zero-padding implementations agree where the whole window is within.)
 *
 * @param x [B, H, W, C]
 * @param y of x's shape
 * @returns [B, H, W, C]
 * @throws {RangeError} where the shapes differ, the window is even or above 31, or another option is not above 0
 */
export function ssim(
  tape: Tape,
  x: Tensor,
  y: Tensor,
  { window = 11, sigma = 1.5, c1 = 0.01 ** 2, c2 = 0.03 ** 2, range = 1 }: SsimOptions = {},
): Tensor {
  const { gpu } = tape;
  if (x.shape.length !== 4) throw new RangeError(`Expected maps [B, H, W, C], but found [${x.shape}]`);
  expectSameShape(x, y, "two maps");
  if (!(window % 2 === 1 && window >= 1 && window <= WIDEST)) {
    throw new RangeError(`Expected an odd window of 1 to ${WIDEST}, but found ${window}`);
  }
  for (const [name, value] of Object.entries({ sigma: sigma ?? 1, c1, c2, range })) {
    if (!(value > 0)) throw new RangeError(`Expected ${name} above 0, but found ${value}`);
  }
  const of = { weights: weightsOf(window, sigma), c1: c1 * range ** 2, c2: c2 * range ** 2 };
  const map = gpu.empty(x.shape, "a similarity map");
  const wanted = tape.records && (x.requiresGrad || y.requiresGrad);
  const slopes = wanted ? gpu.empty([...x.shape, 4], "slopes of a similarity") : null;
  kernels.ssim(gpu, of, x, y, map, slopes);
  return tape.record("ssim", map, [x, y], (dmap) => {
    const half = kernels.ssimBackward(gpu, of, dmap, slopes!);
    const dx = tape.into(x);
    if (dx) kernels.ssimGradient(gpu, of, [x, y], "x", half, dx);
    const dy = tape.into(y);
    if (dy) kernels.ssimGradient(gpu, of, [x, y], "y", half, dy);
    gpu.release(half);
  });
}

/** Weights along one axis, which add up to 1. */
function weightsOf(window: number, sigma: number | null): number[] {
  const bell = Array.from({ length: window }, (_, t) => {
    const apart = t - (window - 1) / 2;
    return sigma === null ? 1 : Math.exp(-(apart ** 2) / (2 * sigma ** 2));
  });
  const total = bell.reduce((a, b) => a + b);
  return bell.map((w) => w / total);
}
