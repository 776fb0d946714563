/**
 * Pooling of maps [B, H, W, C]: torch.nn.MaxPool2d and AvgPool2d over square windows, and the mean over all positions.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import * as kernels from "../kernels/conv/pool2d.ts";
import { positionMean, positionMeanBackward } from "../kernels/conv/position_mean.ts";
import type { Tape } from "./tape.ts";

/** Where the windows of {@linkcode maxPool} and {@linkcode averagePool} lie. */
export interface PoolOptions {
  /** Distance of neighbouring windows. Default: their size. */
  stride?: number;
  /** How far they reach out of the map on every side, at most half of their size. Default 0. */
  padding?: number;
}

/**
 * Maxima over k×k windows; what lies outside of the map does not count. The gradient goes to the first of equals.
 *
 * @param x [B, H, W, C]
 * @returns [B, H', W', C], where H' = ⌊(H + 2 · padding − k) / stride⌋ + 1
 * @throws {RangeError} where x is no such map, no window fits into it, or the options are others than these
 */
export function maxPool(tape: Tape, x: Tensor, k: number, options: PoolOptions = {}): Tensor {
  const { gpu } = tape, window = windowsOf(x, k, options);
  if (!tape.records || !x.requiresGrad) return kernels.maxPool(gpu, x, k, window);
  const { y, taps } = kernels.maxPoolTaps(gpu, x, k, window);
  return tape.record("maxPool", y, [x], (dy) => {
    const dx = tape.into(x)!;
    kernels.maxPoolBackward(gpu, dy, taps, dx.tensor, dx.add, k, window);
  });
}

/**
 * Means over k×k windows, in which what lies outside of the map counts as zeros (count_include_pad, PyTorch's default).
 *
 * @param x [B, H, W, C]
 * @returns [B, H', W', C], as of {@linkcode maxPool}
 * @throws {RangeError} where x is no such map, no window fits into it, or the options are others than these
 */
export function averagePool(tape: Tape, x: Tensor, k: number, options: PoolOptions = {}): Tensor {
  const { gpu } = tape, window = windowsOf(x, k, options);
  return tape.record("averagePool", kernels.meanPool(gpu, x, k, window), [x], (dy) => {
    const dx = tape.into(x)!;
    kernels.meanPoolBackward(gpu, dy, dx.tensor, dx.add, k, window);
  });
}

/**
 * Means over the positions of maps: torch.nn.AdaptiveAvgPool2d(1).
 *
 * @param x [B, H, W, C]
 * @returns [B, C]
 * @throws {RangeError} where x is no such map
 */
export function meanPositions(tape: Tape, x: Tensor): Tensor {
  const { gpu } = tape;
  requireMaps(x);
  return tape.record("meanPositions", positionMean(gpu, x), [x], (dy) => {
    const dx = tape.into(x)!;
    positionMeanBackward(gpu, dy, dx.tensor, dx.add);
  });
}

/** The windows over maps, as kernels take them. */
function windowsOf(x: Tensor, k: number, { stride = k, padding = 0 }: PoolOptions) {
  requireMaps(x);
  const whole = [k, stride, padding].every(Number.isInteger);
  if (!whole || k < 1 || stride < 1 || padding < 0 || 2 * padding > k) {
    throw new RangeError(
      "Expected windows and a stride of at least 1 and a padding of 0 to half of a window, " +
        `but found ${k}, ${stride} and ${padding}`,
    );
  }
  const [, H, W] = x.shape, [outH, outW] = [H, W].map((n) => Math.floor((n + 2 * padding - k) / stride) + 1);
  if (outH < 1 || outW < 1) {
    throw new RangeError(`Expected maps that a ${k}×${k} window fits into, but found ${H}×${W}`);
  }
  return { stride, top: padding, left: padding, outH, outW };
}

function requireMaps({ shape }: Tensor): void {
  if (shape.length !== 4) throw new RangeError(`Expected maps [B, H, W, C], but found [${shape}]`);
}
