/**
 * The ops of one screenful each: sums, LayerNorm with its residual connection, position embeddings and the mean
 * squared error.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import * as elementwise from "../kernels/dense/elementwise.ts";
import * as norm from "../kernels/norm/layernorm.ts";
import * as position from "../kernels/dense/position.ts";
import { squaredDistance, squaredDistanceBackward } from "../kernels/rows/squares.ts";
import type { Tape } from "./tape.ts";

/**
 * x + p, where p's shape is that of x or its last dimensions: p is added to each of the parts of x.
 *
 * @throws {RangeError} where it is not
 */
export function add(tape: Tape, x: Tensor, p: Tensor): Tensor {
  const { gpu } = tape;
  if (`${x.shape.slice(x.shape.length - p.shape.length)}` !== `${p.shape}`) {
    throw new RangeError(`Expected to add the last dimensions of [${x.shape}], but found [${p.shape}]`);
  }
  const y = gpu.empty(x.shape, "a sum");
  elementwise.add(gpu, x, p, y);
  return tape.record("add", y, [x, p], (dy) => {
    const dx = tape.into(x);
    if (dx) elementwise.accumulate(gpu, dy, dx.tensor, dx.add);
    const dp = tape.into(p);
    const rows = x.size / p.size;
    if (dp && rows > 1) sumColumns(gpu, dy, dp.tensor, { rows, columns: p.size, accumulate: dp.add });
    else if (dp) elementwise.accumulate(gpu, dy, dp.tensor, dp.add);
  });
}

/**
 * LayerNorm(x + dropout(branch)) · gamma + beta over the last dimension, eps 1e-5: torch.nn.LayerNorm behind a
 * residual connection, or alone without a branch.
 *
 * @param x [..., D]
 * @param branch of x's shape, or null
 * @param gamma [D]
 * @param beta [D]
 * @throws {RangeError} where the shapes do not fit
 */
export function layerNorm(
  tape: Tape,
  x: Tensor,
  branch: Tensor | null,
  gamma: Tensor,
  beta: Tensor,
  dropout = 0,
): Tensor {
  const { gpu } = tape;
  const D = x.shape[x.shape.length - 1];
  if (gamma.size !== D || beta.size !== D || (branch && `${branch.shape}` !== `${x.shape}`)) {
    throw new RangeError(
      `Expected gamma and beta [${D}] and a branch of the shape [${x.shape}], ` +
        `but found [${gamma.shape}], [${beta.shape}] and [${branch?.shape ?? x.shape}]`,
    );
  }
  const drop = branch ? tape.dropout(dropout) : undefined;
  const saved = norm.layerNorm(gpu, x, branch, gamma, beta, drop);
  const inputs = branch ? [x, branch, gamma, beta] : [x, gamma, beta];
  return tape.record("layerNorm", saved.y, inputs, (dy) => {
    const dgamma = tape.into(gamma), dbeta = tape.into(beta);
    if (dgamma || dbeta) {
      const unused = () => ({ tensor: gpu.empty([D]), add: false });
      norm.layerNormAffineBackward(gpu, dy, saved, dgamma ?? unused(), dbeta ?? unused());
    }
    const dx = tape.into(x), dbranch = branch && tape.into(branch);
    if (!dx && !dbranch) return;
    // The kernel writes the branch's gradient whole; where one is there already, it is added behind.
    const fresh = dbranch?.add ? gpu.empty(x.shape, "a gradient") : dbranch?.tensor ?? null;
    const target = dx ?? { tensor: gpu.empty(x.shape, "a gradient"), add: false };
    norm.layerNormBackward(gpu, dy, saved, gamma, target.tensor, target.add, fresh, drop);
    if (dbranch?.add) elementwise.accumulate(gpu, fresh!, dbranch.tensor, true);
  });
}

/**
 * Learned position embeddings of an H×W map: cat(columns[w], rows[h]).
 *
 * @param columns [W, D/2]
 * @param rows [H, D/2]
 * @returns [H·W, D]
 * @throws {RangeError} where the tables are not of one width, or are one
 */
export function positions(tape: Tape, columns: Tensor, rows: Tensor): Tensor {
  const { gpu } = tape;
  if (columns.slab === rows.slab && columns.offset === rows.offset) {
    throw new RangeError("Expected two tables: the gradient of one that serves twice is not there");
  }
  const pos = position.positions(gpu, columns, rows);
  return tape.record("positions", pos, [columns, rows], (dpos) => {
    const unused = (x: Tensor) => ({ tensor: gpu.empty(x.shape), add: false });
    const dcolumns = tape.into(columns) ?? unused(columns), drows = tape.into(rows) ?? unused(rows);
    position.positionsBackward(gpu, dpos, dcolumns, drows);
  });
}

/**
 * Mean of (x − target)² over all values, [1]: torch.nn.functional.mse_loss. Either may require a gradient.
 *
 * @param count what the sum is divided by, where some values are padding that agrees; all of them by default
 * @throws {RangeError} where the sizes differ
 */
export function meanSquaredError(tape: Tape, x: Tensor, target: Tensor, count: number = x.size): Tensor {
  const { gpu } = tape;
  const loss = gpu.empty([1], "a loss");
  squaredDistance(gpu, x, target, loss, { scale: 1 / count });
  return tape.record("meanSquaredError", loss, [x, target], (dloss) => {
    for (const [from, to] of [[x, target], [target, x]]) {
      const d = tape.into(from);
      if (!d) continue;
      const fresh = d.add ? gpu.empty(from.shape, "a gradient") : d.tensor;
      squaredDistanceBackward(gpu, from, to, dloss, fresh, 2 / count);
      if (d.add) elementwise.accumulate(gpu, fresh, d.tensor, true);
    }
  });
}
