/**
 * The text of gemm.wgsl that depends on the tile and on how the operands lie.
 *
 * @module
 */

/** What a thread computes, and with whom. */
export interface Tile {
  /** Rows and columns of C that a thread computes. */
  TM: number;
  TN: number;
  /** Threads a workgroup. */
  THREADS: number;
  /** Whether a workgroup is a subgroup whose threads share B's values; C has TM rows and TN columns at least. */
  shared?: boolean;
}

/**
 * The parts of the kernel that are straight-line code. In `inner`, operands that run along k are loaded four k at a
 * time and those that run along m or n four of these at a time; either way the product reads single components, so a
 * transpose costs nothing but names. Of a shared B, each thread loads every THREADS-th of the TN vec4 of four k and hears
 * the others from its neighbours.
 */
export function straightLine(
  transA: boolean,
  transB: boolean,
  vec: boolean,
  { TM, TN, THREADS, shared }: Tile,
) {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const lane = (i: number) => "xyzw"[i % 4];
  const lines = (...parts: string[][]) => parts.flat().join("\n");
  // Reads 4 floats of which the first `valid` are there; the others count as 0.
  const load = (x: string) =>
    vec
      ? `fn load_${x}(i: u32, valid: u32) -> vec4f { return vec4f(${x}[i / 4u]); }`
      : `fn load_${x}(i: u32, valid: u32) -> vec4f { let v = vec4f(f32(${x}[i]), f32(${x}[i + 1u]), f32(${x}[i + 2u]), f32(${x}[i + 3u]));
  return select(vec4f(0.0), v, vec4u(0u, 1u, 2u, 3u) < vec4u(valid)); }`;
  const store = shared
    ? `fn store(base: u32, row: u32, col: u32, v: vec4f, first: vec2u) {
  if (ADD && (row < first.x || col < first.y)) { return; }
  epilogue((base + row * params.ldc + col) / 4u, col / 4u, v); }`
    : vec
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

  const shares = range(shared ? Math.ceil(TN / THREADS) : 0);
  const share = (i: string) =>
    transB
      ? `baseB + (n0 + ${i}) * params.ldb`
      : `baseB + ${i} / ${TN / 4}u * params.ldb + n0 + ${i} % ${TN / 4}u * 4u`;
  const hear = range(TN).map((i) =>
    `let b${transB ? i : `${Math.floor(4 * i / TN)}_${i % (TN / 4)}`} = subgroupBroadcast(share${
      Math.floor(i / THREADS)
    }, ${i % THREADS}u);`
  );

  return {
    ...shared
      ? {
        lane: "@builtin(subgroup_invocation_id) lane: u32,",
        // What would lie beyond the last row or column is computed and written twice, the same both times: llvmpipe stores
        // up to three times as fast without a condition. Only what adds to C asks whether it is the first.
        place: `let first = vec2u((group.y * THREADS + lane) * TM, group.x * TN);
  let m0 = min(first.x, params.M - TM);
  let n0 = min(first.y, params.N - TN);`,
      }
      : {
        lane: "",
        place: `if (id.x >= params.tiles) { return; }
  let m0 = (id.x / params.tilesN) * TM;
  let n0 = (id.x % params.tilesN) * TN;`,
      },
    access: lines([load("a"), load("b"), store]),
    declare: lines(
      rows(transA, "a", "baseA", "lda", "m0", TM),
      shared
        ? shares.map((s) => `let brow${s} = ${share(`(${s}u * THREADS + lane)`)};`)
        : rows(!transB, "b", "baseB", "ldb", "n0", TN),
      range(TM).flatMap((i) => range(TN / 4).map((j) => `var c${i}_${j} = vec4f(0.0);`)),
    ),
    inner: lines(
      along(transA, "a", "baseA", "lda", "m0", TM),
      shared
        ? shares.map((s) => `let share${s} = load_b(brow${s} + k${transB ? "" : " * params.ldb"}, 4u);`)
        : along(!transB, "b", "baseB", "ldb", "n0", TN),
      shared ? hear : [],
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
        range(TN / 4).map((j) =>
          `store(baseC, m0 + ${i}u, n0 + ${4 * j}u, c${i}_${j}${shared ? ", first" : ""});`
        )
      ),
    ),
  };
}
