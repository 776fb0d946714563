/**
 * Multi-head attention between projected queries, keys and values: what torch.nn.MultiheadAttention does between its
 * input and output projections, with dropout of the attention weights.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { gemm, type Layout } from "../kernels/gemm.ts";
import { softmax } from "../kernels/softmax.ts";
import { dots } from "../kernels/squares.ts";
import type { Tape } from "./tape.ts";

/** Weights up to this many bytes, in one piece, are kept for the backward pass, larger ones computed anew. */
const KEEP_BYTES = 64 << 20;

/** Some heads of some images, whose weights fit into one binding. */
interface Part {
  image: number;
  images: number;
  head: number;
  heads: number;
}

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
  const d = D / heads, alpha = 1 / Math.sqrt(d);
  const drop = tape.dropout(dropout);
  const parts = partition(gpu, B, heads, N * L * 4);
  const tokens = (rows: number, { image, head }: Part): Layout => ({
    ld: D,
    offset: image * rows * D + head * d,
    outer: rows * D,
    inner: d,
  });
  const rows = ({ image, head }: Part): Layout => ({
    ld: heads,
    offset: image * N * heads + head,
    outer: N * heads,
    inner: 1,
  });
  const square = ({ heads }: Part): Layout => ({ ld: L, outer: heads * N * L, inner: N * L });
  const batch = ({ images, heads }: Part) => ({ outer: images, inner: heads });
  const first = ({ image, head }: Part) => (image * heads + head) * N * L;

  // Dropped weights have a minus sign, those that are kept are scaled up.
  const used = drop ? { rectify: true, alpha: 1 / (1 - drop.p) } : { alpha: 1 };
  const weights = (part: Part): Tensor => {
    const p = gpu.empty([part.images * part.heads * N, L], "attention weights");
    const layouts = { layoutA: tokens(N, part), layoutB: tokens(L, part), layoutC: square(part) };
    const by = { transB: true, alpha, whole: true };
    gemm(gpu, { a: q, b: k, c: p, M: N, N: L, K: d, ...by, ...layouts, ...batch(part) });
    softmax(gpu, p, drop, first(part));
    return p;
  };
  const y = gpu.empty([B, N, D], "attention's output");
  const keep = tape.training && parts.length === 1 && B * heads * N * L * 4 <= KEEP_BYTES;
  let kept: Tensor | null = null;
  for (const part of parts) {
    const p = weights(part);
    const layouts = { layoutA: square(part), layoutB: tokens(L, part), layoutC: tokens(N, part) };
    gemm(gpu, { a: p, b: v, c: y, M: N, N: d, K: L, whole: true, ...used, ...layouts, ...batch(part) });
    if (keep) kept = p;
    else gpu.release(p);
  }

  return tape.record("attention", y, [q, k, v], (dy) => {
    // In the order in which they are written: q, k and v may be one tensor.
    const dv = tape.into(v), dq = tape.into(q), dk = tape.into(k);
    // Σ_j p_j g_j of the weights p and their gradient g is dy · y, head by head: [B, N, A].
    const products = dq || dk
      ? gpu.empty([B, N, heads], "products of attention's output and its gradient")
      : null;
    if (products) dots(gpu, dy, y, d, products);
    for (const part of parts) {
      const p = kept ?? weights(part);
      const N_ = tokens(N, part), L_ = tokens(L, part), P = square(part), over = batch(part);
      if (dv) {
        const c = { c: dv.tensor, layoutC: L_, beta: beta(dv.add) };
        gemm(gpu, {
          a: p,
          b: dy,
          M: L,
          N: d,
          K: N,
          transA: true,
          ...used,
          layoutA: P,
          layoutB: N_,
          ...c,
          ...over,
        });
      }
      if (dq || dk) {
        const ds = gpu.empty(p.shape, "gradients of attention scores");
        const softmax = { y: p, dots: products!, layout: rows(part) };
        const layouts = { layoutA: N_, layoutB: L_, layoutC: P };
        gemm(gpu, {
          a: dy,
          b: v,
          c: ds,
          M: N,
          N: L,
          K: d,
          transB: true,
          alpha: used.alpha,
          softmax,
          ...layouts,
          ...over,
        });
        if (dq) {
          const c = { c: dq.tensor, layoutC: N_, beta: beta(dq.add) };
          gemm(gpu, { a: ds, b: k, M: N, N: d, K: L, alpha, layoutA: P, layoutB: L_, ...c, ...over });
        }
        if (dk) {
          const c = { c: dk.tensor, layoutC: L_, beta: beta(dk.add) };
          gemm(gpu, {
            a: ds,
            b: q,
            M: L,
            N: d,
            K: N,
            alpha,
            transA: true,
            layoutA: P,
            layoutB: N_,
            ...c,
            ...over,
          });
        }
        gpu.release(ds);
      }
      gpu.release(p);
    }
    if (products) gpu.release(products);
  });
}

function beta(add: boolean): 0 | 1 {
  return add ? 1 : 0;
}

/** Splits B images of A heads so that a part's weights, `bytes` a head, fit into one binding. */
function partition(gpu: Gpu, B: number, A: number, bytes: number): Part[] {
  const room = Math.max(1, Math.floor(gpu.limits.maxStorageBufferBindingSize / bytes));
  const parts: Part[] = [];
  if (room >= A) {
    const images = Math.floor(room / A);
    for (let image = 0; image < B; image += images) {
      parts.push({ image, images: Math.min(images, B - image), head: 0, heads: A });
    }
  } else {
    for (let image = 0; image < B; image++) {
      for (let head = 0; head < A; head += room) {
        parts.push({ image, images: 1, head, heads: Math.min(room, A - head) });
      }
    }
  }
  return parts;
}
