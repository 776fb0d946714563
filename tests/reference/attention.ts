/**
 * Multi-head attention and its gradients as plain loops in float64.
 *
 * @module
 */
import type { Dropout } from "../../src/kernels/dense/element.ts";
import { dropout, make, softmax, softmaxBackward, sum, type Values } from "./training.ts";

/** Sizes of an attention: q [B, N, D], k and v [B, L, D], A heads. */
export interface AttentionSizes {
  B: number;
  N: number;
  L: number;
  D: number;
  A: number;
}

/** Softmax of q · kᵀ / √(D/A): [B, A, N, L]. */
function attentionWeights(q: Values, k: Values, { B, N, L, D, A }: AttentionSizes): Float64Array {
  const d = D / A;
  const scores = make(B * A * N * L, (i) => {
    const l = i % L, n = Math.floor(i / L) % N, h = Math.floor(i / L / N) % A, b = Math.floor(i / L / N / A);
    return sum(d, (c) => q[(b * N + n) * D + h * d + c] * k[(b * L + l) * D + h * d + c]) / Math.sqrt(d);
  });
  return softmax(scores, L);
}

/** Multi-head attention between the projections of torch.nn.MultiheadAttention: [B, N, D]. */
export function attention(
  q: Values,
  k: Values,
  v: Values,
  sizes: AttentionSizes,
  drop?: Dropout,
): Float64Array {
  const { B, N, L, D, A } = sizes, d = D / A;
  const used = dropout(attentionWeights(q, k, sizes), drop);
  return make(B * N * D, (i) => {
    const h = Math.floor(i % D / d), n = Math.floor(i / D) % N, b = Math.floor(i / D / N);
    return sum(L, (l) => used[((b * A + h) * N + n) * L + l] * v[(b * L + l) * D + i % D]);
  });
}

/** Gradients of {@linkcode attention}'s inputs. */
export function attentionBackward(
  dy: Values,
  q: Values,
  k: Values,
  v: Values,
  sizes: AttentionSizes,
  drop?: Dropout,
): { dq: Float64Array; dk: Float64Array; dv: Float64Array } {
  const { N, L, D, A } = sizes, d = D / A;
  const p = attentionWeights(q, k, sizes), used = dropout(p, drop);
  const dp = make(p.length, (i) => {
    const l = i % L, n = Math.floor(i / L) % N, h = Math.floor(i / L / N) % A, b = Math.floor(i / L / N / A);
    return sum(d, (c) => dy[(b * N + n) * D + h * d + c] * v[(b * L + l) * D + h * d + c]);
  });
  const ds = softmaxBackward(dp, p, L, drop);
  const ofQueries = make(q.length, (i) => {
    const h = Math.floor(i % D / d), n = Math.floor(i / D) % N, b = Math.floor(i / D / N);
    return sum(L, (l) => ds[((b * A + h) * N + n) * L + l] * k[(b * L + l) * D + i % D]) / Math.sqrt(d);
  });
  const overQueries = (weights: Values, x: Values) =>
    make(k.length, (i) => {
      const h = Math.floor(i % D / d), l = Math.floor(i / D) % L, b = Math.floor(i / D / L);
      return sum(N, (n) => weights[((b * A + h) * N + n) * L + l] * x[(b * N + n) * D + i % D]);
    });
  return { dq: ofQueries, dk: overQueries(ds, q).map((g) => g / Math.sqrt(d)), dv: overQueries(used, dy) };
}
