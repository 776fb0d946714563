/**
 * Host side of channel_norm.wgsl: each channel of maps normalised over their positions, all images together or each alone.
 * Blocks of rows depend on how many a group has, so that an image alone gets the same bits in any batch.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import { kernelTable } from "../generate.ts";
import { spread } from "../grid.ts";
import source from "./channel_norm.wgsl" with { type: "text" };

/** Scale and shift of each channel behind the normalisation, [C] each. */
export interface Affine {
  weight: Tensor;
  bias: Tensor;
}

/** Statistics that training gathers for evaluation, [C] each. */
export interface Running {
  mean: Tensor;
  variance: Tensor;
}

const BLOCK = 64; // rows, or parts, that a thread adds up
const EACH = 8; // values that a thread normalises

/** Mean and (biased) variance of each channel in each group: x [groups · rows, C] → [groups, 2, C]. */
export function statisticsOf(gpu: Compute, x: Tensor, groups: number): Tensor {
  return reduce(gpu, ["moments", "merge"], { x }, x, groups, 1 / rowsOf(x, groups));
}

/** Σ dy and Σ dy ∘ n of each channel in each group, n the normalised x: gradients of bias and weight, [groups, 2, C]. */
export function gradientSums(gpu: Compute, dy: Tensor, x: Tensor, statistics: Tensor, eps: number): Tensor {
  return reduce(gpu, ["sums", "add_up"], { x, dy, statistics }, x, statistics.shape[0], 1, eps);
}

/** y = (x − mean) / √(variance + eps) · weight + bias. */
export function normalise(
  gpu: Compute,
  x: Tensor,
  statistics: Tensor,
  affine: Affine | null,
  eps: number,
  y: Tensor,
): void {
  const { weight, bias } = affine ?? { weight: x, bias: x }; // not read
  const given = { eps, affine: affine ? 1 : 0 };
  values(gpu, "normalise", { x, statistics, weight, bias, y }, x, statistics, given);
}

/**
 * The gradient of {@linkcode normalise}'s x, written or added.
 *
 * @param sums what {@linkcode gradientSums} gives where the statistics are those of x; null where they were given
 */
export function normaliseBackward(
  gpu: Compute,
  dy: Tensor,
  x: Tensor,
  statistics: Tensor,
  weight: Tensor | null,
  eps: number,
  sums: Tensor | null,
  dx: Tensor,
  add: boolean,
): void {
  const tensors = { x, dy, statistics, weight: weight ?? x, parts: sums ?? x, y: dx };
  const constants = { CENTRE: sums !== null, ADD: add };
  values(gpu, "gradient", tensors, x, statistics, { eps, affine: weight ? 1 : 0 }, constants);
}

/** Moves running statistics by `momentum` towards those of a batch, [1, 2, C], whose variance is made unbiased. */
export function track(
  gpu: Compute,
  running: Running,
  statistics: Tensor,
  rows: number,
  momentum: number,
): void {
  const tensors = { statistics, running_mean: running.mean, running_variance: running.variance };
  launch(gpu, "track", tensors, running.mean.size, running.mean.size, {
    momentum,
    unbiased: rows / (rows - 1),
  });
}

/** Running statistics as those of a batch, [1, 2, C]: as they are now, whatever becomes of them. */
export function recall(gpu: Compute, { mean, variance }: Running): Tensor {
  const y = gpu.empty([1, 2, mean.size], "statistics");
  launch(gpu, "recall", { running_mean: mean, running_variance: variance, y }, mean.size, mean.size, {});
  return y;
}

/** Two numbers a channel of every group: of blocks of rows first, then of blocks of these, until there is one. */
function reduce(
  gpu: Compute,
  [begin, goOn]: [string, string],
  tensors: Record<string, Tensor>,
  x: Tensor,
  groups: number,
  scale: number,
  eps = 0,
): Tensor {
  const C = x.shape[x.shape.length - 1], rows = rowsOf(x, groups);
  let count = rows, size = 1, parts: Tensor | null = null;
  do {
    const blocks = Math.ceil(count / BLOCK), y = gpu.empty([groups, blocks, 2, C], "statistics of blocks");
    const given = { rows, block: BLOCK, blocks, count, size, scale: blocks === 1 ? scale : 1, eps };
    launch(
      gpu,
      parts ? goOn : begin,
      parts ? { parts, y } : { ...tensors, y },
      C,
      groups * blocks * C,
      given,
    );
    if (parts) gpu.release(parts);
    [count, size, parts] = [blocks, size * BLOCK, y];
  } while (count > 1);
  return parts.view([groups, 2, C]);
}

function values(
  gpu: Compute,
  entry: string,
  tensors: Record<string, Tensor>,
  x: Tensor,
  statistics: Tensor,
  given: Partial<typeof UNUSED>,
  constants = NEITHER,
): void {
  const [groups, , C] = statistics.shape, rows = rowsOf(x, groups), threads = C * Math.ceil(rows / EACH);
  launch(gpu, entry, tensors, C, groups * threads, { ...given, rows, threads }, constants);
}

const rowsOf = (x: Tensor, groups: number): number => x.size / x.shape[x.shape.length - 1] / groups;

const UNUSED = {
  rows: 0,
  block: 0,
  blocks: 0,
  count: 0,
  size: 0,
  scale: 0,
  threads: 0,
  eps: 0,
  affine: 0,
  momentum: 0,
  unbiased: 0,
};

const NEITHER = { CENTRE: false, ADD: false };

/** @param n threads; they and those of a group are counted as if a channel had one each, and are fewer where four share one */
function launch(
  gpu: Compute,
  entry: string,
  tensors: Record<string, Tensor>,
  C: number,
  n: number,
  given: Partial<typeof UNUSED>,
  constants = NEITHER,
): void {
  const width = C % 4 === 0 ? 4 : 1, { across, grid } = spread(n / width);
  const params = { ...UNUSED, ...given, columns: C / width, n: n / width, across };
  if (given.threads) params.threads = given.threads / width;
  gpu.stream.dispatch(kernelOf(entry, width, constants), tensors, params, grid);
}

const kernel = kernelTable();

function kernelOf(entry: string, width: 1 | 4, constants: typeof NEITHER): Kernel {
  const name = `channel norm${width === 4 ? " vec4" : ""}`;
  return kernel(`${name} ${entry} ${constants.CENTRE} ${constants.ADD}`, () => {
    return { name, source: elementText(width) + source, entry, constants };
  });
}
