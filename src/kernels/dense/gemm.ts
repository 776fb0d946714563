/**
 * Host side of gemm.wgsl: picks the tile and, for weight gradients, whose K is long, splits K and adds the parts up
 * in a fixed order. gemm_text.ts writes the kernel for a tile.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { AdapterKind } from "../../gpu/profile.ts";
import type { FloatTensor, Tensor } from "../../gpu/tensor.ts";
import { sumColumns } from "../rows/columns.ts";
import { type Dropout, dropoutParams, elementText } from "./element.ts";
import { straightLine, type Tile } from "./gemm_text.ts";
import dropout from "./dropout.wgsl" with { type: "text" };
import { generate, kernelTable } from "../generate.ts";
import { MOST_ITERATIONS } from "../iterations.ts";
import source from "./gemm.wgsl" with { type: "text" };

/** Applied to the product after the bias. */
export type Activation = "none" | "relu" | "silu" | "sigmoid";

/** Where an operand's matrices lie, in floats. A matrix of batch (outer, inner) begins at their sum. */
export interface Layout {
  /** Distance between rows. */
  ld: number;
  offset?: number;
  outer?: number;
  inner?: number;
}

/**
 * A product C [M, N] = dropout(act(alpha · op(A) · op(B) + bias)) + residual + beta · C over a batch of outer × inner. Its
 * tensors are of one dtype; sums are f32.
 */
export interface Gemm {
  a: FloatTensor;
  b: FloatTensor;
  c: FloatTensor;
  M: number;
  N: number;
  K: number;
  transA?: boolean;
  transB?: boolean;
  layoutA?: Layout;
  layoutB?: Layout;
  layoutC?: Layout;
  outer?: number;
  inner?: number;
  alpha?: number;
  /** 1 adds to C. */
  beta?: 0 | 1;
  bias?: FloatTensor;
  /** Where the bias begins in its tensor, in floats. */
  offBias?: number;
  act?: Activation;
  drop?: Dropout;
  residual?: FloatTensor;
  /** Never splits K, so that a row of C comes out the same whatever other rows there are. */
  whole?: boolean;
  /** Instead of the table's, and from how many threads on there are enough of them: for those who look for a better one. */
  tile?: Tile & { enough?: number };
}

/** A tile, and what it is for. */
export interface Choice extends Tile {
  /** For products of at least so many floating-point operations, */
  work: number;
  /** and at least so many threads or a K of 1024. */
  threads: number;
}

// Outputs a thread, best first. Software adapters have few, wide lanes: large tiles save loads, and cost seconds to
// compile. GFLOP/s at 4096×1024×256 on llvmpipe, 2 cores, 2026-11: 16×32 28, 24×16 28, 16×16 25, 12×16 23, 8×8 10.
// Hardware wants many threads.
export const TILES: Record<AdapterKind, Choice[]> = {
  software: [
    { TM: 16, TN: 32, THREADS: 32, work: 4e8, threads: 64 },
    { TM: 16, TN: 16, THREADS: 32, work: 0, threads: 64 },
    { TM: 8, TN: 8, THREADS: 32, work: 0, threads: 0 },
  ],
  hardware: [
    { TM: 8, TN: 8, THREADS: 64, work: 0, threads: 1 << 14 },
    { TM: 4, TN: 4, THREADS: 64, work: 0, threads: 0 },
  ],
};
// With subgroups on a software adapter: 50 at 4096×1024×256, where 8×16 runs at 42, 8×32 at 49, 16×16 at 38. On hardware
// they have not been tried.
export const SHARED: Record<AdapterKind, { TM: number; TN: number } | null> = {
  software: { TM: 8, TN: 24 },
  hardware: null,
};
// Of two operands whose rows are k, at most so many rows at a time: a thread reads a little of each, and more of them lie
// in more pages than a processor keeps track of.
const SHARED_CHUNK = 512;
export const ENOUGH_THREADS: Record<AdapterKind, number> = { software: 64, hardware: 1 << 14 };
const ACTIVATIONS: Record<Activation, number> = { none: 0, relu: 1, silu: 2, sigmoid: 3 };

/** Records the product. */
export function gemm(gpu: Compute, g: Gemm): void {
  const { M, N, K } = g;
  const outer = g.outer ?? 1, inner = g.inner ?? 1, batch = outer * inner;
  const A = { offset: 0, outer: 0, inner: 0, ...(g.layoutA ?? { ld: g.transA ? M : K }) };
  const B = { offset: 0, outer: 0, inner: 0, ...(g.layoutB ?? { ld: g.transB ? K : N }) };
  const C = { offset: 0, outer: 0, inner: 0, ...(g.layoutC ?? { ld: N }) };
  const vec = [K, N, g.transA ? M : 0, g.offBias ?? 0, A, B, C].every((x) =>
    typeof x === "number" ? x % 4 === 0 : Object.values(x).every((n) => n % 4 === 0)
  );
  const { kind, subgroup: lanes } = gpu.profile;
  const threads = (t: Tile) =>
    t.shared
      ? Math.ceil(M / (t.TM * t.THREADS)) * t.THREADS * Math.ceil(N / t.TN) * batch
      : Math.ceil(M / t.TM) * Math.ceil(N / t.TN) * batch;
  const smallest = TILES[kind][TILES[kind].length - 1];
  const shared = g.tile
    ? !!g.tile.shared
    : SHARED[kind] && lanes > 0 && vec && M >= 4 * lanes && N >= SHARED[kind].TN;
  const tile: Tile = g.tile ??
    (shared
      ? { ...SHARED[kind]!, THREADS: lanes, shared }
      : !vec
      ? smallest
      : TILES[kind].find((t) => 2 * M * N * K * batch >= t.work && (threads(t) >= t.threads || K >= 1024)) ??
        smallest);
  // A long K over few outputs: split it until there is work for everyone. Only plain products of one matrix.
  const wanted = Math.max(
    Math.ceil((g.tile?.enough ?? ENOUGH_THREADS[kind]) / threads(tile)),
    shared && g.transA ? Math.ceil(K / SHARED_CHUNK) : 1,
  );
  const plain = batch === 1 && !g.bias && !g.residual && !g.act && !g.drop && C.ld === N &&
    g.c.dtype === "f32"; // parts are added up in C itself
  const splits = plain && !g.whole && K >= 512 ? Math.min(wanted, Math.floor(K / 128), 64) : 1;
  const chunk = splits > 1 ? Math.ceil(K / splits / 4) * 4 : K;
  const parts = Math.ceil(K / chunk);
  if (chunk > 4 * MOST_ITERATIONS) {
    throw new RangeError(`Expected sums of at most ${4 * MOST_ITERATIONS} products, but found ${chunk}`);
  }
  const target = parts > 1 ? gpu.empty([parts, M * N], "partial products") : g.c;

  const tilesN = Math.ceil(N / tile.TN), count = threads(tile) / batch;
  gpu.stream.dispatch(
    gemmKernel(g, vec, tile, parts === 1 && g.beta === 1),
    {
      a: g.a,
      b: g.b,
      c: target,
      vector: g.bias ?? g.a,
      skip: g.residual ?? g.a,
    },
    {
      M,
      N,
      K,
      tiles: count,
      tilesN,
      lda: A.ld,
      ldb: B.ld,
      ldc: C.ld,
      offA: A.offset,
      offB: B.offset,
      offC: parts > 1 ? 0 : C.offset,
      inner,
      outerA: A.outer,
      outerB: B.outer,
      outerC: C.outer,
      innerA: A.inner,
      innerB: B.inner,
      innerC: C.inner,
      splits: parts,
      chunk,
      alpha: g.alpha ?? 1,
      offBias: g.offBias ?? 0,
      ...dropoutParams(g.drop),
    },
    shared
      ? [tilesN, count / tile.THREADS / tilesN, batch * parts]
      : [Math.ceil(count / tile.THREADS), 1, batch * parts],
  );
  if (parts > 1) {
    sumColumns(gpu, target as Tensor, g.c as Tensor, {
      rows: parts,
      columns: M * N,
      offset: C.offset,
      accumulate: g.beta === 1,
    });
    gpu.release(target);
  }
}

const kernel = kernelTable();

/** The kernel for one tile, one way of reading and one epilogue; its text is made once. */
function gemmKernel(g: Gemm, vec: boolean, tile: Tile, add: boolean): Kernel {
  const transA = !!g.transA, transB = !!g.transB;
  const epilogue = {
    BIAS: !!g.bias,
    ACT: ACTIVATIONS[g.act ?? "none"],
    DROP: !!g.drop?.p,
    RESIDUAL: !!g.residual,
    ADD: add,
  };
  const layout = `${transA ? "T" : "N"}${transB ? "T" : "N"} ${vec ? "vec4" : "scalar"}`;
  const { TM, TN, THREADS, shared } = tile, { dtype } = g.c;
  const key = [layout, dtype, TM, TN, THREADS, shared, ...Object.values(epilogue)].join(" ");
  return kernel(key, () => {
    const code = straightLine(transA, transB, vec, tile);
    const width = vec ? 4 : 1;
    const name = `gemm ${layout}${shared ? " subgroups" : ""}`;
    return {
      name,
      source: elementText(width, dtype) + dropout + generate(source, code, name),
      entry: "main",
      constants: { TM, TN, THREADS, WIDTH: width, ...epilogue },
    };
  });
}
