/**
 * y = dropout(act(x · Wᵀ + b)): torch.nn.Linear, with what may follow it in a feed-forward block.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import type { Act } from "../kernels/conv/act.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import { reluBackward } from "../kernels/dense/elementwise.ts";
import { gemm } from "../kernels/dense/gemm.ts";
import { activation } from "./activations.ts";
import type { Tape } from "./tape.ts";

/** Variations of {@linkcode linear}. */
export interface LinearOptions {
  /** Default none. */
  act?: Act;
  /** Dropout probability after ReLU. Default 0. */
  dropout?: number;
  /** Use `count` rows of the weight and the bias from `first` on: one part of a packed projection. Default all. */
  rows?: { first: number; count: number };
}

/**
 * x · Wᵀ + b over the last dimension, then an activation and dropout where the options ask for them. A row of the result
 * is the same whatever other rows there are, and so is its gradient on a tape that does not drop.
 *
 * @param x [..., K]
 * @param weight [rows, K], as PyTorch has it
 * @param bias [rows], or null for none
 * @returns [..., rows]
 * @throws {RangeError} where the shapes do not fit, or dropout is asked for without ReLU
 */
export function linear(
  tape: Tape,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: LinearOptions = {},
): Tensor {
  const { act = "none", dropout = 0, rows = { first: 0, count: weight.shape[0] } } = options;
  const K = x.shape[x.shape.length - 1], M = x.size / K, N = rows.count;
  const { gpu } = tape;
  if (weight.shape.length !== 2 || weight.shape[1] !== K || bias && bias.size !== weight.shape[0]) {
    throw new RangeError(
      `Expected a weight [out, ${K}] and a bias [out] for [${x.shape}], but found [${weight.shape}] and ` +
        (bias ? `[${bias.shape}]` : "none"),
    );
  }
  if (rows.first < 0 || rows.first + N > weight.shape[0]) {
    throw new RangeError(
      `Expected rows within 0..${weight.shape[0]}, but found ${rows.first}..${rows.first + N}`,
    );
  }
  if (dropout > 0 && act !== "relu") {
    throw new RangeError("Expected ReLU before the dropout of a linear layer");
  }
  if (act !== "none" && act !== "relu") {
    return activation(tape, linear(tape, x, weight, bias, { rows }), act);
  }
  const drop = tape.dropout(dropout);
  const part = N < weight.shape[0];
  const layoutB = { ld: K, offset: rows.first * K };
  const y = gpu.empty([...x.shape.slice(0, -1), N], "a linear layer's output");
  gemm(gpu, {
    a: x,
    b: weight,
    c: y,
    M,
    N,
    K,
    transB: true,
    layoutB,
    bias: bias ?? undefined,
    offBias: bias ? rows.first : 0,
    act,
    drop,
    whole: true,
  });

  return tape.record("linear", y, bias ? [x, weight, bias] : [x, weight], (dy) => {
    let dz = dy;
    if (act === "relu") {
      dz = gpu.empty(dy.shape, "a gradient before ReLU");
      reluBackward(gpu, dy, y, dz, drop ? 1 / (1 - drop.p) : 1);
    }
    const dx = tape.into(x);
    if (dx) {
      const beta = dx.add ? 1 : 0, whole = !tape.drops;
      gemm(gpu, { a: dz, b: weight, c: dx.tensor, M, N: K, K: N, layoutB, beta, whole });
    }
    const dw = tape.into(weight, part);
    if (dw) {
      const layoutC = { ld: K, offset: rows.first * K };
      gemm(gpu, { a: dz, b: x, c: dw.tensor, M: N, N: K, K: M, transA: true, layoutC, beta: dw.add ? 1 : 0 });
    }
    const db = bias && tape.into(bias, part);
    if (db) sumColumns(gpu, dz, db.tensor, { rows: M, columns: N, offset: rows.first, accumulate: db.add });
    if (dz !== dy) gpu.release(dz);
  });
}
