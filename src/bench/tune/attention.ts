/**
 * The tiles of attention.ts, kernel by kernel.
 *
 * @module
 */
import type { AdapterKind, Profile } from "../../gpu/profile.ts";
import {
  attention,
  type AttentionEntry,
  attentionKeys,
  attentionQueries,
  type AttentionTile,
  TILES,
} from "../../kernels/dense/attention.ts";
import { sharingOf } from "../../kernels/lanes.ts";
import { best, type Family, literal, operand, type Problem, type Samples } from "./family.ts";

/** B images of N tokens of width D in so many heads. */
interface Shape {
  B: number;
  N: number;
  D: number;
  heads: number;
}

const SHAPES: Record<AdapterKind, Shape[]> = {
  software: [{ B: 8, N: 256, D: 64, heads: 4 }],
  hardware: [{ B: 16, N: 256, D: 256, heads: 8 }, { B: 4, N: 1024, D: 256, heads: 8 }],
};
const ENTRIES: AttentionEntry[] = ["forward", "queries", "keys"];
const PRODUCTS = { forward: 2, queries: 2, keys: 3 }; // as `adtr bench` counts them

/** At the paper's tokens and at four times as many, on a software adapter at the demo's; or at the shapes given. */
export function attentionFamily(
  kind: AdapterKind,
  shapes: readonly Shape[] = SHAPES[kind],
): Family<AttentionTile> {
  return {
    name: "attention",
    file: "src/kernels/dense/attention.ts",
    present: (row, profile) => TILES[sharingOf(profile).sharing][row as AttentionEntry],
    candidates,
    problems: shapes.flatMap((shape) => ENTRIES.map((entry) => problem(shape, entry))),
    code: (tried, problems, profile) =>
      ENTRIES.map((entry) => {
        const of = sharingOf(profile).sharing;
        const own = problems.flatMap(({ row }, p) => row === entry ? [p] : []);
        const tile = best(tried, own)?.tile ?? "table";
        const rows = tile === "table" ? TILES[of][entry] : tile;
        return `TILES.${of}.${entry} = ${literal(rows)}${tile === "table" ? " // as it is" : ""}`;
      }).join("\n"),
  };
}

function candidates(profile: Profile): AttentionTile[] {
  const pairs = {
    subgroups: [[4, 1], [6, 1], [8, 1], [12, 1]], // a workgroup is a subgroup
    software: [[24, 16], [16, 16], [8, 16], [16, 32]],
    hardware: [[1, 64], [2, 64], [1, 32], [1, 128], [2, 32], [2, 128], [4, 32], [4, 64], [1, 256]],
  };
  return pairs[sharingOf(profile).sharing].map(([rows, GROUP]) => ({ values: 384, rows, GROUP }));
}

function problem({ B, N, D, heads }: Shape, entry: AttentionEntry): Problem<AttentionTile> {
  return {
    shape: `${B}x${N}x${D}`,
    note: { forward: "forward", queries: "gradient of q", keys: "gradients of k and v" }[entry],
    row: entry,
    flops: PRODUCTS[entry] * 2 * B * N * N * D,
    prepare(gpu) {
      const values = [1, 2, 3, 4].map((seed) => operand(seed, B * N * D));
      const [q, k, v, dy] = values.map((x) => gpu.tensor(x, [B, N, D]));
      const y = gpu.empty([B, N, D]), stats = gpu.empty([B, heads, N, 2]);
      const of = { q, k, v, heads };
      const into = () => ({ tensor: gpu.empty([B, N, D]), add: false });
      const [one, other] = [into(), into()];
      if (entry !== "forward") attention(gpu, of, y, stats);
      if (entry === "keys") attentionQueries(gpu, of, y, stats, dy, one);
      const at = { image: B - 1, head: heads - 1 };
      const right = headOf(values, { B, N, D, heads }, at);
      const samples = (x: Float64Array): Samples => {
        const d = D / heads;
        return Array.from({ length: 64 }, (_, i) => {
          const row = i * 37 % N, c = i * 11 % d;
          return [(at.image * N + row) * D + at.head * d + c, x[row * d + c]] as const;
        });
      };
      if (entry === "forward") {
        return {
          run: (tile) => attention(gpu, { ...of, tile }, y, stats),
          outputs: [{ tensor: y, samples: samples(right.y) }],
        };
      }
      if (entry === "queries") {
        return {
          run: (tile) => attentionQueries(gpu, { ...of, tile }, y, stats, dy, one),
          outputs: [{ tensor: one.tensor, samples: samples(right.dq) }],
        };
      }
      return {
        run: (tile) => attentionKeys(gpu, { ...of, tile }, stats, dy, one, other),
        outputs: [
          { tensor: one.tensor, samples: samples(right.dk) },
          { tensor: other.tensor, samples: samples(right.dv) },
        ],
      };
    },
  };
}

/** One head of one image, with its gradients: softmax(q·kᵀ/√d)·v by plain loops in doubles. */
function headOf(
  [q, k, v, dy]: Float32Array[],
  { N, D, heads }: Shape,
  { image, head }: { image: number; head: number },
): Record<"y" | "dq" | "dk" | "dv", Float64Array> {
  const d = D / heads, scale = 1 / Math.sqrt(d);
  const [Q, K, V, G] = [q, k, v, dy].map((x) =>
    Float64Array.from({ length: N * d }, (_, i) => x[(image * N + Math.floor(i / d)) * D + head * d + i % d])
  );
  const [y, dq, dk, dv] = [0, 1, 2, 3].map(() => new Float64Array(N * d));
  const dot = (a: Float64Array, i: number, b: Float64Array, j: number) => {
    let sum = 0;
    for (let c = 0; c < d; c++) sum += a[i * d + c] * b[j * d + c];
    return sum;
  };
  for (let i = 0; i < N; i++) {
    const weights = Float64Array.from({ length: N }, (_, j) => Math.exp(scale * dot(Q, i, K, j)));
    const total = weights.reduce((a, b) => a + b, 0);
    for (let j = 0; j < N; j++) {
      weights[j] /= total;
      for (let c = 0; c < d; c++) y[i * d + c] += weights[j] * V[j * d + c];
    }
    const mean = dot(G, i, y, i);
    for (let j = 0; j < N; j++) {
      const ds = weights[j] * (dot(G, i, V, j) - mean) * scale;
      for (let c = 0; c < d; c++) {
        dq[i * d + c] += ds * K[j * d + c];
        dk[j * d + c] += ds * Q[i * d + c];
        dv[j * d + c] += weights[j] * G[i * d + c];
      }
    }
  }
  return { y, dq, dk, dv };
}
