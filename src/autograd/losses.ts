/**
 * Losses that pull what is normal towards 0 and push what is labelled anomalous away from it, as means over the batch.
 * Those of ADTR+ (You et al. 2022, Eq. 7 and 9; docs/method.md §4) are of d = x − target, by way of
 * m(u) = (1/C) Σ |d(·, u)| and φ(u) = sqrt(m(u)² + 1) − 1 at each position u; FCDD's (Liznerski et al. 2021) of a map.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import { accumulate } from "../kernels/dense/elementwise.ts";
import * as kernels from "../kernels/rows/losses.ts";
import type { Tape } from "./tape.ts";

/** Variations of {@linkcode pixelLoss}. */
export interface PixelLossOptions {
  /** C: channels that count, where the rest is padding that agrees. Default all. */
  channels?: number;
  /** α, the weight of the push term. Default 0.003. */
  alpha?: number;
}

/** Variations of {@linkcode imageLoss}. */
export interface ImageLossOptions extends PixelLossOptions {
  /** How many of the largest φ are looked at. Default 20. */
  k?: number;
}

const ALPHA = 0.003, K = 20; // the paper's

/**
 * L_px = (1/N) Σ (1−y)φ − α log(1 − exp(−(1/N) Σ yφ)), averaged over the batch; an image without anomalous positions
 * has no second term. No gradient goes to `target`.
 *
 * @param x [B, N, C]
 * @param target of x's shape
 * @param y [B, N]: 1 anomalous, 0 normal
 * @returns [1]
 * @throws {RangeError} where the shapes do not fit
 * @throws {Error} where `target` requires a gradient
 */
export function pixelLoss(
  tape: Tape,
  x: Tensor,
  target: Tensor,
  y: Tensor,
  { channels, alpha = ALPHA }: PixelLossOptions = {},
): Tensor {
  const [B, N] = x.shape;
  if (`${y.shape}` !== `${[B, N]}`) {
    throw new RangeError(`Expected labels [${B}, ${N}] of the positions, but found [${y.shape}]`);
  }
  return loss(tape, "pixelLoss", x, target, channels, N, alpha, (_, roles) => {
    kernels.labelledRoles(tape.gpu, y, roles);
  });
}

/**
 * L_img = (1−y) q − α y log(1 − exp(−q)), q the mean of an image's k largest φ, averaged over the batch. No gradient
 * goes to `target`.
 *
 * @param x [B, N, C]
 * @param target of x's shape
 * @param y [B]: 1 anomalous, 0 normal
 * @returns [1]
 * @throws {RangeError} where the shapes do not fit, or there are fewer than k positions
 * @throws {Error} where `target` requires a gradient
 */
export function imageLoss(
  tape: Tape,
  x: Tensor,
  target: Tensor,
  y: Tensor,
  { channels, alpha = ALPHA, k = K }: ImageLossOptions = {},
): Tensor {
  const [B, N] = x.shape;
  if (`${y.shape}` !== `${[B]}`) {
    throw new RangeError(`Expected labels [${B}] of the images, but found [${y.shape}]`);
  }
  if (!(Number.isInteger(k) && k >= 1 && k <= N)) {
    throw new RangeError(`Expected a k of 1 to ${N}, the number of positions, but found ${k}`);
  }
  return loss(tape, "imageLoss", x, target, channels, k, alpha, (m, roles) => {
    kernels.largestRoles(tape.gpu, m, y, roles, k);
  });
}

/**
 * FCDD's loss of anomaly maps A ≥ 0, for instance pseudo-Huber functions of a network's maps, over N positions:
 * (1/N) Σ (1−y)A − log(1 − exp(−(1/N) Σ yA)), averaged over the batch; an image without anomalous positions has no
 * second term. With a label for each image that is the mean of A where it is normal, −log(1 − exp(−mean)) where not.
 *
 * @param A [B, ...]
 * @param y of A's shape, or [B]: 1 anomalous, 0 normal
 * @returns [1]
 * @throws {RangeError} where y is of another shape
 */
export function fcddLoss(tape: Tape, A: Tensor, y: Tensor): Tensor {
  const { gpu } = tape, [B] = A.shape, N = A.size / B;
  if (`${y.shape}` !== `${[B]}` && `${y.shape}` !== `${A.shape}`) {
    throw new RangeError(
      `Expected labels [${A.shape}] of the positions or [${B}] of the images, but found [${y.shape}]`,
    );
  }
  const [roles, slopes] = [0, 1].map(() => gpu.empty([B, N], "a loss's positions"));
  const losses = gpu.empty([B], "losses"), loss = gpu.empty([1], "a loss");
  kernels.labelledRoles(gpu, y, roles);
  kernels.pullAndPush(gpu, A, roles, losses, slopes, N, 1, true);
  sumColumns(gpu, losses, loss, { rows: B, columns: 1, scale: 1 / B });
  for (const tensor of [roles, losses]) gpu.release(tensor);
  return tape.record("fcddLoss", loss, [A], (dloss) => {
    kernels.bySlopes(gpu, slopes, dloss, tape.into(A)!, 1 / B);
  });
}

/**
 * What ADTR+'s losses share.
 *
 * @param n what sums of φ are divided by
 * @param assign says which positions are pulled and which pushed
 */
function loss(
  tape: Tape,
  name: string,
  x: Tensor,
  target: Tensor,
  C: number = x.shape[2],
  n: number,
  alpha: number,
  assign: (m: Tensor, roles: Tensor) => void,
): Tensor {
  const { gpu } = tape, [B, N] = x.shape;
  if (`${target.shape}` !== `${x.shape}`) {
    throw new RangeError(`Expected a target [${x.shape}], but found [${target.shape}]`);
  }
  if (target.requiresGrad) {
    throw new Error("Expected a target that requires no gradient: there is none for it");
  }
  const [m, roles, slopes] = [0, 1, 2].map(() => gpu.empty([B, N], "a loss's positions"));
  const losses = gpu.empty([B], "losses"), y = gpu.empty([1], "a loss");
  kernels.absoluteMeans(gpu, x, target, m, C);
  assign(m, roles);
  kernels.pullAndPush(gpu, m, roles, losses, slopes, n, alpha);
  sumColumns(gpu, losses, y, { rows: B, columns: 1, scale: 1 / B });
  for (const tensor of [m, roles, losses]) gpu.release(tensor);
  return tape.record(name, y, [x], (dloss) => {
    const dx = tape.into(x)!;
    const fresh = dx.add ? gpu.empty(x.shape, "a gradient") : dx.tensor;
    kernels.absoluteMeansBackward(gpu, x, target, slopes, dloss, fresh, 1 / (B * C));
    if (dx.add) accumulate(gpu, fresh, dx.tensor, true);
  });
}
