/**
 * Softmax and the losses of classifiers, computed from logits, so that none is infinite where a class is all but
 * certain.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import * as kernels from "../kernels/rows/softmax.ts";
import { pairLoss } from "./distances.ts";
import type { Tape } from "./tape.ts";

/** exp(x) / Σ exp(x) over the last dimension, of x's shape: torch.softmax(x, -1). @param x [..., K] */
export function softmax(tape: Tape, x: Tensor): Tensor {
  return normalised(tape, "softmax", "softmax", x);
}

/** x − log Σ exp(x) over the last dimension, of x's shape: torch.log_softmax(x, -1). @param x [..., K] */
export function logSoftmax(tape: Tape, x: Tensor): Tensor {
  return normalised(tape, "logSoftmax", "log_softmax", x);
}

function normalised(tape: Tape, name: string, kind: kernels.Softmax, x: Tensor): Tensor {
  const { gpu } = tape, y = gpu.empty(x.shape, name);
  kernels.softmax(gpu, kind, x, y);
  return tape.record(name, y, [x], (dy) => kernels.softmaxBackward(gpu, kind, y, dy, tape.into(x)!));
}

/**
 * Mean of −log softmax(logits)[label] over the batch, [1]: torch.nn.functional.cross_entropy. A label that is no class
 * makes a loss that is not a number.
 *
 * @param logits [B, K]
 * @param labels [B], whole numbers of 0 to K − 1
 * @throws {RangeError} where the shapes do not fit
 */
export function crossEntropy(tape: Tape, logits: Tensor, labels: Tensor<"u32">): Tensor {
  const { gpu } = tape, [B] = logits.shape;
  if (logits.shape.length !== 2 || `${labels.shape}` !== `${B}`) {
    throw new RangeError(
      `Expected logits [B, K] and labels [B], but found [${logits.shape}] and [${labels.shape}]`,
    );
  }
  const sums = gpu.empty([B], "sums of logits"), losses = gpu.empty([B], "losses");
  const loss = gpu.empty([1], "a loss");
  kernels.crossEntropies(gpu, logits, labels, sums, losses);
  sumColumns(gpu, losses, loss, { rows: B, columns: 1, scale: 1 / B });
  gpu.release(losses);
  return tape.record("crossEntropy", loss, [logits], (dloss) => {
    kernels.crossEntropiesBackward(gpu, logits, labels, sums, dloss, tape.into(logits)!);
  });
}

/**
 * Mean of −y log σ(x) − (1 − y) log(1 − σ(x)) over all values, [1], σ the sigmoid:
 * torch.nn.functional.binary_cross_entropy_with_logits.
 *
 * @param logits x, of any shape
 * @param targets y of the same shape, 0 to 1
 * @throws {RangeError} where it is another
 */
export function binaryCrossEntropy(tape: Tape, logits: Tensor, targets: Tensor): Tensor {
  return pairLoss(tape, "binaryCrossEntropy", "binary cross-entropy", logits, targets);
}
