/**
 * Values brought to 0..1 by those of the training images: the least of them to 0, the greatest to 1.
 *
 * @module
 */
import { multiply, subtract } from "../autograd/arithmetic.ts";
import type { Tape } from "../autograd/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** (x − shift) · scale. @param x [..., n] @param shift [n] @param scale [n] */
export function rescaled(tape: Tape, x: Tensor, shift: Tensor, scale: Tensor): Tensor {
  return multiply(tape, subtract(tape, x, shift), scale);
}

/** Shift and scale for these values; a scale of 1 where they are all the same. */
export function rescalingOf(values: Iterable<ArrayLike<number>>): { shift: number; scale: number } {
  let low = Infinity, high = -Infinity;
  for (const some of values) {
    for (let i = 0; i < some.length; i++) {
      low = Math.min(low, some[i]);
      high = Math.max(high, some[i]);
    }
  }
  return { shift: low, scale: high > low ? 1 / (high - low) : 1 };
}
