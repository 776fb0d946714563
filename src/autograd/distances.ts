/**
 * How far two tensors are apart: means over all values, as training losses, and the squared and the cosine distance
 * of their last dimensions. The mean squared error stands in ops.ts.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import * as cosine from "../kernels/rows/cosine.ts";
import { meanOfPairs, meanOfPairsBackward, type PairLoss } from "../kernels/rows/pairs.ts";
import { square, subtract } from "./arithmetic.ts";
import { sumChannels } from "./reductions.ts";
import { expectSameShape } from "./same_shape.ts";
import type { Tape } from "./tape.ts";

/** ‖x − y‖² over the last dimension: x [..., C] → [...]. @param y of x's shape, or of its last dimensions */
export function squaredDistance(tape: Tape, x: Tensor, y: Tensor): Tensor {
  return sumChannels(tape, square(tape, subtract(tape, x, y)));
}

/**
 * Mean of |x − target| over all values, [1]: torch.nn.functional.l1_loss. Where both are equal there is no slope.
 *
 * @param target of x's shape
 * @throws {RangeError} where it is not
 */
export function l1Loss(tape: Tape, x: Tensor, target: Tensor): Tensor {
  return pairLoss(tape, "l1Loss", "l1", x, target);
}

/**
 * Mean of |d| − ½ over all values d of x − target, of d² / 2 where |d| < 1, [1]: torch.nn.functional.smooth_l1_loss
 * with its beta of 1, Huber's loss.
 *
 * @param target of x's shape
 * @throws {RangeError} where it is not
 */
export function smoothL1Loss(tape: Tape, x: Tensor, target: Tensor): Tensor {
  return pairLoss(tape, "smoothL1Loss", "smooth l1", x, target);
}

/** The mean over pairs of values of two tensors, with gradients for both. */
export function pairLoss(tape: Tape, name: string, kind: PairLoss, x: Tensor, target: Tensor): Tensor {
  const { gpu } = tape;
  expectSameShape(x, target, "a target");
  const loss = gpu.empty([1], "a loss");
  meanOfPairs(gpu, kind, x, target, loss);
  return tape.record(name, loss, [x, target], (dloss) => {
    const dx = tape.into(x);
    if (dx) meanOfPairsBackward(gpu, kind, x, target, dloss, "x", dx);
    const dtarget = tape.into(target);
    if (dtarget) meanOfPairsBackward(gpu, kind, x, target, dloss, "y", dtarget);
  });
}

/**
 * 1 − cos(x, y) over the last dimension: 1 − torch.nn.functional.cosine_similarity(x, y, dim=-1). A norm below `eps`
 * counts as `eps`, as a constant: the distance of a vector of zeros is 1, and its gradient finite.
 *
 * @param x [..., C]
 * @param y of x's shape
 * @returns [...], [1] where there is but one row
 * @throws {RangeError} where the shapes differ
 */
export function cosineDistance(
  tape: Tape,
  x: Tensor,
  y: Tensor,
  { eps = 1e-8 }: { eps?: number } = {},
): Tensor {
  const { gpu } = tape;
  expectSameShape(x, y, "two tensors");
  const d = gpu.empty(x.shape.length > 1 ? x.shape.slice(0, -1) : [1], "cosine distances");
  cosine.cosineDistance(gpu, x, y, d, eps);
  return tape.record("cosineDistance", d, [x, y], (dd) => {
    const dx = tape.into(x);
    if (dx) cosine.cosineDistanceBackward(gpu, x, y, dd, dx, eps);
    const dy = tape.into(y);
    if (dy) cosine.cosineDistanceBackward(gpu, y, x, dd, dy, eps);
  });
}
