/**
 * What methods share whose networks learn against each other: what a discriminator shall say, and batches that pass through
 * a network together, so that batch normalisation sees both.
 *
 * @module
 */
import { binaryCrossEntropy } from "../autograd/cross_entropy.ts";
import { weightedSum } from "../autograd/reductions.ts";
import { channels, concat, reshape } from "../autograd/shapes.ts";
import { Tape } from "../autograd/tape.ts";
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Adam's, as DCGAN has them (Radford et al. 2015). */
export const BETAS = [0.5, 0.999] as const;

/**
 * Mean binary cross-entropy of what a discriminator says, [1].
 *
 * @param logits [B, …]
 * @param wanted what it shall say of each of the batch's equal parts, one after the other: 1 for real, 0 for not
 */
export function says(tape: Tape, logits: Tensor, ...wanted: readonly number[]): Tensor {
  const each = logits.size / wanted.length;
  const targets = Float32Array.from({ length: logits.size }, (_, i) => wanted[Math.floor(i / each)]);
  return binaryCrossEntropy(tape, logits, tape.gpu.tensor(targets, logits.shape));
}

/** Batches after each other: a [A, …] and b [B, …] → [A + B, …]. */
export function together(tape: Tape, a: Tensor, b: Tensor): Tensor {
  const flat = [a, b].map((x) => reshape(tape, x, [1, x.size]));
  return reshape(tape, concat(tape, flat), [a.shape[0] + b.shape[0], ...a.shape.slice(1)]);
}

/** Some images of a batch: [B, …] → [count, …]. */
export function some(tape: Tape, x: Tensor, first: number, count: number): Tensor {
  const [B, ...shape] = x.shape, each = x.size / B, flat = reshape(tape, x, [1, x.size]);
  return reshape(tape, channels(tape, flat, first * each, count * each), [count, ...shape]);
}

/** What the log has of several optimizers' squares of gradient norms: their sum, [1]. */
export function sumOfSquares(gpu: Compute, squares: readonly Tensor[]): Tensor {
  return weightedSum(new Tape(gpu, { record: false }), squares.map((of) => [1, of] as const));
}
