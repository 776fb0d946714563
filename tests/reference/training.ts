/**
 * The ops that training needs as plain loops in float64: they are the specification of the kernels and of autograd's
 * gradients, and are themselves checked by finite differences. Tensors are row-major, gradients begin with d.
 *
 * @module
 */
import { bitsAt } from "../../src/hash.ts";
import type { Dropout } from "../../src/kernels/dense/element.ts";
import type { Gemm } from "../../src/kernels/dense/gemm.ts";
import { activations } from "./backbone.ts";

/** Numbers on the host. */
export type Values = ArrayLike<number>;

/** An array of n values. */
export const make = (n: number, value: (i: number) => number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => value(i));

/** Σ of n values. */
export const sum = (n: number, value: (i: number) => number): number => {
  let total = 0;
  for (let i = 0; i < n; i++) total += value(i);
  return total;
};

/** What dropout multiplies the value at position i with: 0, or 1 / (1 − p). */
export function mask(i: number, drop?: Dropout): number {
  if (!drop) return 1;
  return bitsAt(drop.seed, i) / 2 ** 32 < drop.p ? 0 : 1 / (1 - drop.p);
}

/** Dropout of x, which begins at position `first` of a larger tensor. */
export function dropout(x: Values, drop?: Dropout, first = 0): Float64Array {
  return make(x.length, (i) => x[i] * mask(first + i, drop));
}

/** A product as {@linkcode Gemm} describes it, on the host. */
export interface Product extends Omit<Gemm, "a" | "b" | "c" | "bias" | "residual"> {
  a: Values;
  b: Values;
  c: Values;
  bias?: Values;
  residual?: Values;
}

/** All of C's memory after the product. */
export function gemm(g: Product): Float64Array {
  const { M, N, K, outer = 1, inner = 1, alpha = 1, beta = 0, offBias = 0, act = "none" } = g;
  const A = { offset: 0, outer: 0, inner: 0, ...(g.layoutA ?? { ld: g.transA ? M : K }) };
  const B = { offset: 0, outer: 0, inner: 0, ...(g.layoutB ?? { ld: g.transB ? K : N }) };
  const C = { offset: 0, outer: 0, inner: 0, ...(g.layoutC ?? { ld: N }) };
  const c = Float64Array.from(g.c);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const begin = (x: typeof A) => x.offset + o * x.outer + i * x.inner;
      const a0 = begin(A), b0 = begin(B), c0 = begin(C);
      for (let m = 0; m < M; m++) {
        for (let n = 0; n < N; n++) {
          const product = sum(K, (k) => {
            const a = g.a[a0 + (g.transA ? k * A.ld + m : m * A.ld + k)];
            return a * g.b[b0 + (g.transB ? n * B.ld + k : k * B.ld + n)];
          });
          const at = c0 + m * C.ld + n;
          const v = activations[act](alpha * product + (g.bias?.[offBias + n] ?? 0)) * mask(at, g.drop);
          c[at] = v + (g.residual?.[at] ?? 0) + (beta ? beta * c[at] : 0);
        }
      }
    }
  }
  return c;
}

/** Sums over the rows of x [rows, columns]. */
export function columnSums(x: Values, columns: number): Float64Array {
  return make(columns, (j) => sum(x.length / columns, (r) => x[r * columns + j]));
}

/** Softmax of every row of x. */
export function softmax(x: Values, columns: number): Float64Array {
  const y = Float64Array.from(x);
  for (let at = 0; at < y.length; at += columns) {
    const row = y.subarray(at, at + columns), peak = row.reduce((a, b) => Math.max(a, b));
    row.forEach((v, j) => row[j] = Math.exp(v - peak));
    const total = row.reduce((a, b) => a + b);
    row.forEach((v, j) => row[j] = v / total);
  }
  return y;
}

/** Gradient of softmax's argument from that of what dropout makes of its result y. */
export function softmaxBackward(
  dy: Values,
  y: Values,
  columns: number,
  drop?: Dropout,
  first = 0,
): Float64Array {
  const g = dropout(dy, drop, first);
  return make(g.length, (i) => {
    const start = i - i % columns;
    return y[i] * (g[i] - sum(columns, (j) => y[start + j] * g[start + j]));
  });
}

/** z = x + dropout(branch), its mean and 1/σ per row, and LayerNorm's y, eps 1e-5. */
export function layerNorm(
  x: Values,
  branch: Values | null,
  gamma: Values,
  beta: Values,
  drop?: Dropout,
): { y: Float64Array; z: Float64Array; stats: Float64Array } {
  const D = gamma.length;
  const z = make(x.length, (i) => x[i] + (branch ? branch[i] * mask(i, drop) : 0));
  const stats = new Float64Array(2 * x.length / D);
  for (let r = 0; r < x.length / D; r++) {
    const mean = sum(D, (j) => z[r * D + j]) / D;
    const variance = sum(D, (j) => (z[r * D + j] - mean) ** 2) / D;
    stats.set([mean, 1 / Math.sqrt(variance + 1e-5)], 2 * r);
  }
  const y = make(x.length, (i) => {
    const r = 2 * Math.floor(i / D), j = i % D;
    return (z[i] - stats[r]) * stats[r + 1] * gamma[j] + beta[j];
  });
  return { y, z, stats };
}

/** Gradients of {@linkcode layerNorm}'s inputs. */
export function layerNormBackward(
  dy: Values,
  { z, stats }: { z: Values; stats: Values },
  gamma: Values,
  drop?: Dropout,
): { dx: Float64Array; dbranch: Float64Array; dgamma: Float64Array; dbeta: Float64Array } {
  const D = gamma.length;
  const normal = make(z.length, (i) => {
    const r = 2 * Math.floor(i / D);
    return (z[i] - stats[r]) * stats[r + 1];
  });
  const g = make(z.length, (i) => dy[i] * gamma[i % D]);
  const dx = make(z.length, (i) => {
    const r = Math.floor(i / D), mean = sum(D, (j) => g[r * D + j]) / D;
    const along = sum(D, (j) => g[r * D + j] * normal[r * D + j]) / D;
    return stats[2 * r + 1] * (g[i] - mean - normal[i] * along);
  });
  const dgamma = columnSums(make(z.length, (i) => dy[i] * normal[i]), D);
  return { dx, dbranch: dropout(dx, drop), dgamma, dbeta: columnSums(dy, D) };
}

/** dropout(act(x · Wᵀ + b)): x [M, K], W [N, K]. */
export function linear(x: Values, weight: Values, bias: Values, relu = false, drop?: Dropout): Float64Array {
  const N = bias.length, K = weight.length / N, M = x.length / K;
  return gemm({
    a: x,
    b: weight,
    c: new Float64Array(M * N),
    M,
    N,
    K,
    transB: true,
    bias,
    act: relu ? "relu" : "none",
    drop,
  });
}

/** Gradients of {@linkcode linear}'s inputs; y [M, N] is its result. */
export function linearBackward(
  dy: Values,
  y: Values,
  N: number,
  x: Values,
  weight: Values,
  relu = false,
  drop?: Dropout,
): { dx: Float64Array; dweight: Float64Array; dbias: Float64Array } {
  const K = weight.length / N, M = x.length / K;
  const dz = make(dy.length, (i) => relu && y[i] <= 0 ? 0 : dy[i] * mask(i, drop));
  return {
    dx: gemm({ a: dz, b: weight, c: new Float64Array(M * K), M, N: K, K: N }),
    dweight: gemm({ a: dz, b: x, c: new Float64Array(N * K), M: N, N: K, K: M, transA: true }),
    dbias: columnSums(dz, N),
  };
}

/** pos [H·W, 2·half] = cat(columns[w], rows[h]). */
export function positions(columns: Values, rows: Values, half: number): Float64Array {
  const W = columns.length / half, D = 2 * half;
  return make(W * rows.length / half * D, (i) => {
    const w = Math.floor(i / D) % W, h = Math.floor(i / D / W), j = i % D;
    return j < half ? columns[w * half + j] : rows[h * half + j - half];
  });
}

/** Gradients of both tables of {@linkcode positions}, of W columns. */
export function positionsBackward(
  dpos: Values,
  W: number,
  half: number,
): { dcolumns: Float64Array; drows: Float64Array } {
  const H = dpos.length / W / half / 2;
  const at = (h: number, w: number, j: number) => dpos[(h * W + w) * 2 * half + j];
  return {
    dcolumns: make(W * half, (i) => sum(H, (h) => at(h, Math.floor(i / half), i % half))),
    drows: make(H * half, (i) => sum(W, (w) => at(Math.floor(i / half), w, half + i % half))),
  };
}

/** Parameters and Adam's moments. */
export interface AdamState {
  p: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/** torch.nn.utils.clip_grad_norm_, none where clip is 0. */
function clipped(gradient: Values, clip: number): Float64Array {
  const norm = Math.sqrt(sum(gradient.length, (i) => gradient[i] ** 2));
  const scale = clip ? Math.min(1, clip / (norm + 1e-6)) : 1;
  return make(gradient.length, (i) => scale * gradient[i]);
}

/** Clipping, then step t (from 1 on) of torch.optim.Adam, or AdamW where weights decay by themselves, in place. */
export function adam(
  { p, m, v }: AdamState,
  gradient: Values,
  t: number,
  s: {
    lr: number;
    weight_decay: number;
    decoupled: boolean;
    beta1: number;
    beta2: number;
    eps: number;
    clip: number;
  },
): void {
  const of = clipped(gradient, s.clip);
  for (let i = 0; i < p.length; i++) {
    const g = s.decoupled ? of[i] : of[i] + s.weight_decay * p[i];
    if (s.decoupled) p[i] -= s.lr * s.weight_decay * p[i];
    m[i] = s.beta1 * m[i] + (1 - s.beta1) * g;
    v[i] = s.beta2 * v[i] + (1 - s.beta2) * g * g;
    const m_ = m[i] / (1 - s.beta1 ** t), v_ = v[i] / (1 - s.beta2 ** t);
    p[i] -= s.lr * m_ / (Math.sqrt(v_) + s.eps);
  }
}

/** Clipping, then a step of torch.optim.SGD with its momentum buffer `velocity`, in place. */
export function sgd(
  { p, velocity }: { p: Float64Array; velocity: Float64Array },
  gradient: Values,
  s: { lr: number; weight_decay: number; momentum: number; nesterov: boolean; clip: number },
): void {
  const of = clipped(gradient, s.clip);
  for (let i = 0; i < p.length; i++) {
    const g = of[i] + s.weight_decay * p[i];
    velocity[i] = s.momentum * velocity[i] + g;
    p[i] -= s.lr * (s.nesterov ? g + s.momentum * velocity[i] : velocity[i]);
  }
}

/** ∂f/∂x by central differences: truncation ~step² and rounding ~1e-16/step, 1e-10 both at the default. */
export function differences(f: (x: Float64Array) => number, x: Values, step = 1e-5): Float64Array {
  const at = Float64Array.from(x);
  return at.map((value, i) => {
    const [above, below] = [step, -step].map((h) => {
      at[i] = value + h;
      return f(at);
    });
    at[i] = value;
    return (above - below) / (2 * step);
  });
}
