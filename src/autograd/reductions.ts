/**
 * Sums and means of all values, of images and of channels, and the sum of several losses. Sums are added up in parts, in an
 * order that depends on an image's size only: the same for an image alone and in any batch.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { reduceImages } from "../kernels/conv/reduce.ts";
import { accumulate } from "../kernels/dense/elementwise.ts";
import { spreadRows, sumRows } from "../kernels/rows/scaled.ts";
import type { Tape } from "./tape.ts";

/** Σ of all values → [1]: torch.sum. */
export function sum(tape: Tape, x: Tensor): Tensor {
  return reduce(tape, "sum", x, 1);
}

/** The mean of all values → [1]: torch.mean. */
export function mean(tape: Tape, x: Tensor): Tensor {
  return reduce(tape, "mean", x, 1);
}

/** The mean of each image: x [B, …] → [B]. */
export function meanImages(tape: Tape, x: Tensor): Tensor {
  return reduce(tape, "mean", x, x.shape[0]);
}

/**
 * Σ over the last dimension: x [..., C] → [...].
 *
 * @throws {RangeError} where there is no other dimension
 */
export function sumChannels(tape: Tape, x: Tensor): Tensor {
  if (x.shape.length < 2) throw new RangeError(`Expected [..., C] to sum over C, but found [${x.shape}]`);
  const { gpu } = tape, y = gpu.empty(x.shape.slice(0, -1), "sums over channels");
  sumRows(gpu, x, y);
  return tape.record("sumChannels", y, [x], (dy) => {
    const { tensor, add } = tape.into(x)!;
    spreadRows(gpu, dy, tensor, add);
  });
}

/**
 * Σ weight · loss → [1], of one or more losses [1].
 *
 * @throws {RangeError} where there is none, or one has more than one value
 */
export function weightedSum(
  tape: Tape,
  terms: readonly (readonly [weight: number, loss: Tensor])[],
): Tensor {
  const wrong = terms.find(([, loss]) => loss.size !== 1);
  if (terms.length === 0 || wrong) {
    throw new RangeError(`Expected losses of one value, but found ${wrong ? `[${wrong[1].shape}]` : "none"}`);
  }
  const { gpu } = tape, y = gpu.empty([1], "a sum of losses");
  terms.forEach(([weight, loss], i) => accumulate(gpu, loss, y, i > 0, weight));
  return tape.record("weightedSum", y, terms.map(([, loss]) => loss), (dy) => {
    for (const [weight, loss] of terms) {
      const slot = tape.into(loss);
      if (slot) accumulate(gpu, dy, slot.tensor, slot.add, weight);
    }
  });
}

/** The sum or mean of each of `rows` parts of x that lie one after another. */
function reduce(tape: Tape, how: "sum" | "mean", x: Tensor, rows: number): Tensor {
  const { gpu } = tape, columns = x.size / rows;
  const y = reduceImages(gpu, x.view([rows, columns]), how);
  return tape.record(how, y, [x], (dy) => {
    const { tensor, add } = tape.into(x)!;
    spreadRows(gpu, dy, tensor, add, how === "mean" ? 1 / columns : 1);
  });
}
