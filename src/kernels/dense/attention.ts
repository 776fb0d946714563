/**
 * Host side of attention.wgsl: multi-head attention and its gradients, which never store the attention weights.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { each } from "../each.ts";
import { type Dropout, dropoutParams, elementText } from "./element.ts";
import { spread } from "../grid.ts";
import { type Sharing, sharingOf } from "../lanes.ts";
import dropout from "./dropout.wgsl" with { type: "text" };
import { kernelTable } from "../generate.ts";
import source from "./attention.wgsl" with { type: "text" };

/** What attention is made of: q [B, N, D], k and v [B, L, D], with so many heads side by side in D. */
export interface Attention {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  heads: number;
  drop?: Dropout;
  /** Instead of the table's: for those who look for a better one. */
  tile?: AttentionTile;
}

/** What a thread computes: so many rows at most, as long as they have no more values; and threads, or subgroups, a workgroup. */
export interface AttentionTile {
  values: number;
  rows: number;
  GROUP: number;
}

/** The kernels. */
export type AttentionEntry = "forward" | "queries" | "keys";

/** Where a gradient goes, and whether to add to what is there. */
export interface Target {
  tensor: Tensor;
  add: boolean;
}

// A thread has so many values of q (or k) in its rows. Software adapters read keys lane by lane, so each is to serve many
// rows, but what there is to compile grows with the square of the rows. Where a subgroup's threads load keys for each other, few
// rows do: at d = 16 (demo) and 32 (paper) 8; 4 take 15 and 147 ms of two cores on llvmpipe (forward and backward, CPU time,
// in company, 2026-11), 12; 8 19 and 150, 16; 12 19 and 150, and without sharing 12; 8 28 and 290. Compiling takes 3.5, 9, 17
// and 10 s of CPU at d = 16. Hardware wants many threads.
export const TILES: Record<Sharing, Record<AttentionEntry, AttentionTile>> = {
  subgroups: {
    forward: { values: 256, rows: 8, GROUP: 1 },
    queries: { values: 256, rows: 4, GROUP: 1 },
    keys: { values: 256, rows: 4, GROUP: 1 },
  },
  software: {
    forward: { values: 256, rows: 12, GROUP: 16 },
    queries: { values: 192, rows: 8, GROUP: 16 },
    keys: { values: 192, rows: 8, GROUP: 16 },
  },
  hardware: {
    forward: { values: 384, rows: 1, GROUP: 64 },
    queries: { values: 256, rows: 1, GROUP: 64 },
    keys: { values: 256, rows: 1, GROUP: 64 },
  },
};

/**
 * y [B, N, D] = dropout(softmax(q · kᵀ / √d)) · v, head by head.
 *
 * @param stats [B, heads, N, 2] receives what the backward pass needs
 */
export function attention(gpu: Compute, a: Attention, y: Tensor, stats: Tensor): void {
  launch(gpu, "forward", a, { q: a.q, k: a.k, v: a.v, y, stats });
}

/** Gradient of q from dy. `stats` is completed for {@linkcode attentionKeys}. */
export function attentionQueries(
  gpu: Compute,
  a: Attention,
  y: Tensor,
  stats: Tensor,
  dy: Tensor,
  dq: Target,
): void {
  launch(gpu, "queries", a, { q: a.q, k: a.k, v: a.v, y, stats, dy, dq: dq.tensor }, dq.add);
}

/** Gradients of k and v, two tensors, from dy. */
export function attentionKeys(
  gpu: Compute,
  a: Attention,
  stats: Tensor,
  dy: Tensor,
  dk: Target,
  dv: Target,
): void {
  launch(
    gpu,
    "keys",
    a,
    { q: a.q, k: a.k, v: a.v, stats, dy, dk: dk.tensor, dv: dv.tensor },
    dk.add,
    dv.add,
  );
}

function launch(
  gpu: Compute,
  entry: AttentionEntry,
  { q, k, heads, drop, tile }: Attention,
  tensors: Record<string, Tensor>,
  addFirst = false,
  addSecond = false,
): void {
  const [B, N, D] = q.shape, L = k.shape[1], d = D / heads;
  const { sharing, LANES } = sharingOf(gpu.profile),
    { values, rows: most, GROUP } = tile ?? TILES[sharing][entry];
  const rows = Math.max(1, Math.min(most, Math.floor(values / d))), group = GROUP * LANES;
  const blocks = B * heads * LANES * Math.ceil((entry === "keys" ? L : N) / (rows * LANES));
  const { across, grid } = spread(blocks, group);
  gpu.stream.dispatch(
    kernelOf(entry, { DIM: d, HEADS: heads, ROWS: rows, GROUP: group, LANES, DROP: !!drop }),
    tensors,
    {
      blocks,
      across,
      N,
      L,
      alpha: 1 / Math.sqrt(d),
      addFirst: +addFirst,
      addSecond: +addSecond,
      ...dropoutParams(drop),
    },
    grid,
  );
}

const kernel = kernelTable();

/** A kernel for heads of DIM values; its text is made once. */
function kernelOf(
  entry: AttentionEntry,
  constants: { DIM: number; HEADS: number; ROWS: number; GROUP: number; LANES: number; DROP: boolean },
): Kernel {
  return kernel([entry, ...Object.values(constants)].join(" "), () => {
    const { DIM, ROWS, LANES } = constants, PARTS = Math.ceil(DIM / 4), shared = LANES > 1;
    const name = `attention${shared ? " subgroups" : ""}`;
    const counts = {
      ...{ row: ROWS, part: PARTS, lane: 4, other: 4, load: Math.ceil(4 * PARTS / LANES), PARTS, LANES },
      ...{ shared: +shared, alone: +!shared },
    };
    const text = each(source, counts, name);
    return { name, source: elementText(4) + dropout + access(DIM % 4 === 0) + text, entry, constants };
  });
}

/** How the kernel reads and writes part `i` of the values that begin at float `at`: as vec4f where `four`, or singly. */
function access(four: boolean): string {
  const load = (x: string) =>
    four
      ? `fn load_${x}(at: u32, i: u32) -> vec4f { return ${x}[at / 4u + i]; }`
      : `fn load_${x}(at: u32, i: u32) -> vec4f {
  let j = at + 4u * i;
  let values = vec4f(${x}[j], ${x}[j + 1u], ${x}[j + 2u], ${x}[j + 3u]);
  return select(vec4f(0.0), values, vec4u(4u * i) + FOUR < vec4u(DIM));
}`;
  const store = (x: string) =>
    four
      ? `fn store_${x}(at: u32, i: u32, value: vec4f, add: bool) {
  let j = at / 4u + i;
  if (add) { ${x}[j] += value; } else { ${x}[j] = value; }
}`
      : `fn store_${x}(at: u32, i: u32, value: vec4f, add: bool) {
  for (var c = 0u; c < min(4u, DIM - 4u * i); c++) {
    let j = at + 4u * i + c;
    if (add) { ${x}[j] += value[c]; } else { ${x}[j] = value[c]; }
  }
}`;
  return [
    `alias Value = ${four ? "vec4f" : "f32"};`,
    ...["q", "k", "v", "y", "dy"].map(load),
    ...["y", "dq", "dk", "dv"].map(store),
  ].join("\n");
}
