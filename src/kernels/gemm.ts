/**
 * Host side of gemm.wgsl: picks the tile, writes the straight-line inner block and, where a long K meets a small
 * result (weight gradients), splits K and adds the parts up in a fixed order.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "./columns.ts";
import { type Dropout, dropoutParams, elementText } from "./element.ts";
import dropout from "./dropout.wgsl" with { type: "text" };
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

/** A product C [M, N] = dropout(act(alpha · op(A) · op(B) + bias)) + residual + beta · C over a batch of outer × inner. */
export interface Gemm {
  a: Tensor;
  b: Tensor;
  c: Tensor;
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
  bias?: Tensor;
  /** Where the bias begins in its tensor, in floats. */
  offBias?: number;
  act?: Activation;
  drop?: Dropout;
  residual?: Tensor;
  /** Never splits K, so that a row of C comes out the same whatever other rows there are. */
  whole?: boolean;
}

interface Tile {
  TM: number;
  TN: number;
  THREADS: number;
  /** For products of at least so many floating-point operations, */
  work: number;
  /** and at least so many threads or a K of 1024. */
  threads: number;
}

// Outputs a thread, best first. Software adapters have few, wide lanes: large tiles save loads, and cost seconds to
// compile. GFLOP/s at 4096×1024×256 on llvmpipe, 2 cores, 2026-11: 16×32 28, 24×16 28, 16×16 25, 12×16 23, 8×8 10.
// Hardware wants many threads.
const TILES: Record<"software" | "hardware", Tile[]> = {
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
const ENOUGH_THREADS = { software: 64, hardware: 1 << 14 };
const ACTIVATIONS: Record<Activation, number> = { none: 0, relu: 1, silu: 2, sigmoid: 3 };

/** Records the product. */
export function gemm(gpu: Gpu, g: Gemm): void {
  const { M, N, K } = g;
  const outer = g.outer ?? 1, inner = g.inner ?? 1, batch = outer * inner;
  const A = { offset: 0, outer: 0, inner: 0, ...(g.layoutA ?? { ld: g.transA ? M : K }) };
  const B = { offset: 0, outer: 0, inner: 0, ...(g.layoutB ?? { ld: g.transB ? K : N }) };
  const C = { offset: 0, outer: 0, inner: 0, ...(g.layoutC ?? { ld: N }) };
  const vec = [K, N, g.transA ? M : 0, g.offBias ?? 0, A, B, C].every((x) =>
    typeof x === "number" ? x % 4 === 0 : Object.values(x).every((n) => n % 4 === 0)
  );
  const kind = gpu.info.software ? "software" : "hardware";
  const threads = (t: Tile) => Math.ceil(M / t.TM) * Math.ceil(N / t.TN) * batch;
  const smallest = TILES[kind][TILES[kind].length - 1];
  const tile = !vec
    ? smallest
    : TILES[kind].find((t) => 2 * M * N * K * batch >= t.work && (threads(t) >= t.threads || K >= 1024)) ??
      smallest;
  // A long K over few outputs: split it until there is work for everyone. Only plain products of one matrix.
  const wanted = Math.ceil(ENOUGH_THREADS[kind] / threads(tile));
  const plain = batch === 1 && !g.bias && !g.residual && !g.act && !g.drop && C.ld === N;
  const splits = plain && !g.whole && K >= 512 ? Math.min(wanted, Math.floor(K / 128), 64) : 1;
  const chunk = splits > 1 ? Math.ceil(K / splits / 4) * 4 : K;
  const parts = Math.ceil(K / chunk);
  const target = parts > 1 ? gpu.empty([parts, M * N], "partial products") : g.c;

  const tilesN = Math.ceil(N / tile.TN), count = Math.ceil(M / tile.TM) * tilesN;
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
    [Math.ceil(count / tile.THREADS), 1, batch * parts],
  );
  if (parts > 1) {
    sumColumns(gpu, target, g.c, { rows: parts, columns: M * N, offset: C.offset, accumulate: g.beta === 1 });
    gpu.release(target);
  }
}

const kernels = new Map<string, Kernel>();

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
  const key = [layout, ...Object.values(tile), ...Object.values(epilogue)].join(" ");
  let kernel = kernels.get(key);
  if (!kernel) {
    const code = straightLine(transA, transB, vec, tile);
    const text = source.replace(/\/\/ @generate (\w+)/g, (_, part: keyof typeof code) => code[part]);
    const width = vec ? 4 : 1;
    kernel = {
      name: `gemm ${layout}`,
      source: elementText(width) + dropout + text,
      entry: "main",
      constants: { TM: tile.TM, TN: tile.TN, THREADS: tile.THREADS, WIDTH: width, ...epilogue },
    };
    kernels.set(key, kernel);
  }
  return kernel;
}

/**
 * The parts of the kernel that are straight-line code. In `inner`, operands that run along k are loaded four k at a
 * time and those that run along m or n four of these at a time; either way the product reads single components, so a
 * transpose costs nothing but names.
 */
function straightLine(transA: boolean, transB: boolean, vec: boolean, { TM, TN }: Tile) {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const lane = (i: number) => "xyzw"[i % 4];
  const lines = (...parts: string[][]) => parts.flat().join("\n");
  // Reads 4 floats of which the first `valid` are there; the others count as 0.
  const load = (x: string) =>
    vec
      ? `fn load_${x}(i: u32, valid: u32) -> vec4f { return ${x}[i / 4u]; }`
      : `fn load_${x}(i: u32, valid: u32) -> vec4f { let v = vec4f(${x}[i], ${x}[i + 1u], ${x}[i + 2u], ${x}[i + 3u]);
  return select(vec4f(0.0), v, vec4u(0u, 1u, 2u, 3u) < vec4u(valid)); }`;
  const store = vec
    ? `fn store(base: u32, row: u32, col: u32, v: vec4f) {
  if (row < params.M && col < params.N) { epilogue((base + row * params.ldc + col) / 4u, col / 4u, v); } }`
    : `fn store(base: u32, row: u32, col: u32, v: vec4f) {
  if (row >= params.M) { return; }
  for (var i = 0u; i < 4u; i++) {
    if (col + i < params.N) { epilogue(base + row * params.ldc + col + i, col + i, v[i]); } } }`;

  const along = (trans: boolean, x: string, base: string, ld: string, first: string, tile: number) =>
    trans // rows are k, four neighbours of the other index at once
      ? range(4).flatMap((k) =>
        range(tile / 4).map((i) =>
          `let ${x}${k}_${i} = ${
            vec ? "" : `select(vec4f(0.0), `
          }load_${x}(${base} + (k + ${k}u) * params.${ld} + ${first} + ${4 * i}u, 4u)${
            vec ? "" : `, k + ${k}u < end)`
          };`
        )
      )
      : range(tile).map((i) => `let ${x}${i} = load_${x}(${x}row${i} + k, end - k);`);
  const at = (trans: boolean, x: string, i: number, k: number) =>
    trans ? `${x}${k}_${i >> 2}.${lane(i)}` : `${x}${i}.${lane(k)}`;
  const four = (k: number, j: number) =>
    transB ? `vec4f(${range(4).map((i) => at(false, "b", 4 * j + i, k)).join(", ")})` : `b${k}_${j}`;
  const rows = (trans: boolean, x: string, base: string, ld: string, first: string, tile: number) =>
    trans ? [] : range(tile).map((i) => `let ${x}row${i} = ${base} + (${first} + ${i}u) * params.${ld};`);

  return {
    access: lines([load("a"), load("b"), store]),
    declare: lines(
      rows(transA, "a", "baseA", "lda", "m0", TM),
      rows(!transB, "b", "baseB", "ldb", "n0", TN),
      range(TM).flatMap((i) => range(TN / 4).map((j) => `var c${i}_${j} = vec4f(0.0);`)),
    ),
    inner: lines(
      along(transA, "a", "baseA", "lda", "m0", TM),
      along(!transB, "b", "baseB", "ldb", "n0", TN),
      transB ? range(4).flatMap((k) => range(TN / 4).map((j) => `let t${k}_${j} = ${four(k, j)};`)) : [],
      // All of a tile's accumulators don't fit into registers: four k for each before the next is looked at.
      range(TM).flatMap((i) =>
        range(TN / 4).map((j) => {
          const product = (sum: string, k: number) =>
            `${sum} + ${at(transA, "a", i, k)} * ${transB ? `t${k}_${j}` : four(k, j)}`;
          return `c${i}_${j} = ${range(4).reduce(product, `c${i}_${j}`)};`;
        })
      ),
    ),
    finish: lines(
      range(TM).flatMap((i) =>
        range(TN / 4).map((j) => `store(baseC, m0 + ${i}u, n0 + ${4 * j}u, c${i}_${j});`)
      ),
    ),
  };
}
