/**
 * Each channel of maps normalised over their positions: torch.nn.BatchNorm1d and BatchNorm2d over all images of a batch,
 * torch.nn.InstanceNorm2d over each image alone. Maps are [B, H, W, C].
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import * as kernels from "../kernels/norm/channel_norm.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import type { Tape } from "./tape.ts";

/** What channels are multiplied with and what is added behind a normalisation, [C] each. */
export type Affine = kernels.Affine;
/** Mean and variance that batch normalisation gathers in training and takes in evaluation, [C] each. */
export type Running = kernels.Running;

/** How {@linkcode batchNorm} normalises. */
export interface BatchNormOptions {
  /** By the batch's statistics, towards which the running ones move; else by the running ones. */
  training: boolean;
  /** How far they move. Default 0.1. */
  momentum?: number;
  /** Added to the variance. Default 1e-5. */
  eps?: number;
}

/**
 * Batch normalisation over all but the last dimension. In training, running statistics are updated at once, in place, with the
 * unbiased variance, as PyTorch does it.
 *
 * @param x [B, C] or [B, H, W, C]
 * @param affine [C] each, or null for none
 * @param running [C] each
 * @returns of x's shape
 * @throws {RangeError} where the shapes do not fit, or in training a channel has a single value
 */
export function batchNorm(
  tape: Tape,
  x: Tensor,
  affine: Affine | null,
  running: Running,
  { training, momentum = 0.1, eps = 1e-5 }: BatchNormOptions,
): Tensor {
  const { gpu } = tape, C = channelsOf(x, affine, running), rows = x.size / C;
  if (training && rows < 2) {
    throw new RangeError(`Expected more than one value a channel in training, but found [${x.shape}]`);
  }
  const statistics = training ? kernels.statisticsOf(gpu, x, 1) : kernels.recall(gpu, running);
  if (training) kernels.track(gpu, running, statistics, rows, momentum);
  return normalised(tape, "batchNorm", x, statistics, training, affine, eps);
}

/**
 * Instance normalisation: over the positions of each image.
 *
 * @param x [B, H, W, C]
 * @param affine [C] each, or null (PyTorch's default) for none
 * @param options eps is added to the variance, 1e-5 by default
 * @returns of x's shape
 * @throws {RangeError} where the shapes do not fit, or there is a single position
 */
export function instanceNorm(
  tape: Tape,
  x: Tensor,
  affine: Affine | null,
  { eps = 1e-5 }: { eps?: number } = {},
): Tensor {
  const [B, H, W] = x.shape;
  if (x.shape.length !== 4 || H * W < 2) {
    throw new RangeError(`Expected maps [B, H, W, C] of more than one position, but found [${x.shape}]`);
  }
  channelsOf(x, affine);
  return normalised(tape, "instanceNorm", x, kernels.statisticsOf(tape.gpu, x, B), true, affine, eps);
}

/** @param own whether the statistics are those of x, and change with it */
function normalised(
  tape: Tape,
  name: string,
  x: Tensor,
  statistics: Tensor,
  own: boolean,
  affine: Affine | null,
  eps: number,
): Tensor {
  const { gpu } = tape, [groups, , C] = statistics.shape, y = gpu.empty(x.shape, "a normalisation's output");
  kernels.normalise(gpu, x, statistics, affine, eps, y);
  return tape.record(name, y, affine ? [x, affine.weight, affine.bias] : [x], (dy) => {
    const dx = tape.into(x),
      dweight = affine && tape.into(affine.weight),
      dbias = affine && tape.into(affine.bias);
    const sums = own && dx || dweight || dbias ? kernels.gradientSums(gpu, dy, x, statistics, eps) : null;
    [dbias, dweight].forEach((slot, i) => {
      const part = { rows: groups, columns: C, pitch: 2 * C, first: i * C };
      if (slot) sumColumns(gpu, sums!, slot.tensor, { ...part, accumulate: slot.add });
    });
    if (dx) {
      const moving = own ? sums : null;
      kernels.normaliseBackward(
        gpu,
        dy,
        x,
        statistics,
        affine?.weight ?? null,
        eps,
        moving,
        dx.tensor,
        dx.add,
      );
    }
    if (sums) gpu.release(sums);
  });
}

/** C, where everything is for as many channels. */
function channelsOf(x: Tensor, affine: Affine | null, running?: Running): number {
  const C = x.shape[x.shape.length - 1];
  const others = [affine?.weight, affine?.bias, running?.mean, running?.variance].filter((t) =>
    t !== undefined
  );
  if (x.shape.length < 2 || others.some(({ size }) => size !== C)) {
    throw new RangeError(
      `Expected maps [..., C] and [C] of everything else, but found [${x.shape}] and ` +
        others.map(({ shape }) => `[${shape}]`).join(", "),
    );
  }
  return C;
}
