/**
 * Multi-head attention between projected queries, keys and values: what torch.nn.MultiheadAttention does between its
 * input and output projections, with dropout of the attention weights.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import * as kernels from "../kernels/dense/attention.ts";
import { accumulate } from "../kernels/dense/elementwise.ts";
import type { Tape } from "./tape.ts";

/**
 * softmax(q · kᵀ / √(D/A)) · v for each of A heads.
 *
 * @param q [B, N, D]
 * @param k [B, L, D]
 * @param v [B, L, D]
 * @param heads A, a divisor of D
 * @param dropout probability with which a weight is dropped in training
 * @returns [B, N, D], heads side by side
 * @throws {RangeError} where the shapes do not fit
 */
export function attention(tape: Tape, q: Tensor, k: Tensor, v: Tensor, heads: number, dropout = 0): Tensor {
  const { gpu } = tape;
  const [B, N, D] = q.shape, L = k.shape[1];
  if (`${k.shape}` !== `${[B, L, D]}` || `${v.shape}` !== `${k.shape}` || D % heads !== 0) {
    throw new RangeError(
      `Expected queries [B, N, D], keys and values [B, L, D] and a D that ${heads} heads divide, ` +
        `but found [${q.shape}], [${k.shape}] and [${v.shape}]`,
    );
  }
  const of = { q, k, v, heads, drop: tape.dropout(dropout) };
  const y = gpu.empty([B, N, D], "attention's output");
  const stats = gpu.empty([B, heads, N, 2], "what attention's backward pass needs");
  kernels.attention(gpu, of, y, stats);
  if (!tape.records) gpu.release(stats);

  return tape.record("attention", y, [q, k, v], (dy) => {
    const unwanted = (x: Tensor) => ({
      tensor: gpu.empty(x.shape, "a gradient that nobody wants"),
      add: false,
    });
    // In the order in which they are written: q, k and v may be one tensor.
    const dq = tape.into(q);
    if (dq || k.requiresGrad) kernels.attentionQueries(gpu, of, y, stats, dy, dq ?? unwanted(q));
    const dk = tape.into(k), dv = tape.into(v);
    if (!dk && !dv) return;
    // A kernel can't write to one tensor by two names.
    const apart = dk && dv && dk.tensor.slab === dv.tensor.slab ? unwanted(v) : null;
    kernels.attentionKeys(gpu, of, stats, dy, dk ?? unwanted(k), apart ?? dv ?? unwanted(v));
    if (apart) accumulate(gpu, apart.tensor, dv!.tensor, true);
  });
}
