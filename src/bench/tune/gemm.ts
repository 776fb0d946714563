/**
 * The tiles of gemm.ts at the shapes of ADTR's layers and their gradients.
 *
 * @module
 */
import { type Choice, ENOUGH_THREADS, gemm, SHARED, TILES } from "../../kernels/dense/gemm.ts";
import type { AdapterKind, Profile } from "../../gpu/profile.ts";
import { costOf, type Family, literal, NOISE, operand, type Problem, sampled, type Tried } from "./family.ts";

/** A tile of gemm.ts; without one, what its table has. */
export type GemmTile = Pick<Choice, "TM" | "TN" | "THREADS" | "shared"> & { enough?: number };

interface Shape {
  M: number;
  K: number;
  N: number;
  note: string;
  transA?: boolean;
  transB?: boolean;
}

const SHAPES: Shape[] = [
  { M: 4096, K: 256, N: 1024, note: "linear1", transB: true },
  { M: 4096, K: 1024, N: 256, note: "linear2", transB: true },
  { M: 4096, K: 256, N: 256, note: "a projection", transB: true },
  { M: 4096, K: 256, N: 1024, note: "gradient of linear2's input" },
  { M: 256, K: 4096, N: 1024, note: "gradient of linear2's weight", transA: true },
  { M: 256, K: 4096, N: 256, note: "gradient of a projection's weight", transA: true },
  { M: 2048, K: 64, N: 128, note: "demo: linear1", transB: true },
  { M: 64, K: 2048, N: 128, note: "demo: gradient of linear2's weight", transA: true },
];

const MOST_ON_SOFTWARE = 3e8; // multiplications

/** At the paper's and the demo's shapes, of which a software adapter has the smaller ones; or at those given. */
export function gemmFamily(kind: AdapterKind, shapes: readonly Shape[] = SHAPES): Family<GemmTile> {
  return {
    name: "gemm",
    file: "src/kernels/dense/gemm.ts",
    present: () => undefined as unknown as GemmTile, // it chooses by shape
    candidates,
    problems: shapes.filter(({ M, K, N }) => kind === "hardware" || M * K * N < MOST_ON_SOFTWARE).map(
      problem,
    ),
    code,
  };
}

function candidates({ kind, subgroup }: Profile): GemmTile[] {
  const alone = kind === "software"
    ? [[16, 16, 32], [8, 16, 32], [16, 32, 32], [8, 8, 32]]
    : [[8, 8, 64], [4, 8, 64], [4, 4, 64], [8, 4, 64], [8, 8, 128], [4, 8, 128], [8, 8, 32], [4, 4, 256], [
      8,
      16,
      64,
    ]];
  const shared = kind === "software"
    ? [[8, 24], [8, 16], [8, 32]]
    : [[4, 32], [8, 32], [4, 64], [2, 64], [8, 64], [4, 16]];
  const more = kind === "software" ? [] : [1 << 15, 1 << 16, 1 << 17];
  return [
    ...alone.map(([TM, TN, THREADS]) => ({ TM, TN, THREADS })),
    ...subgroup > 0 ? shared.map(([TM, TN]) => ({ TM, TN, THREADS: subgroup, shared: true })) : [],
    ...more.flatMap((enough) => [[8, 8], [4, 8]].map(([TM, TN]) => ({ TM, TN, THREADS: 64, enough }))),
  ];
}

function problem({ M, K, N, note, transA = false, transB = false }: Shape): Problem<GemmTile> {
  return {
    shape: `${M}x${K}x${N}`,
    note,
    row: `${2 * M * K * N}`,
    flops: 2 * M * K * N,
    prepare(gpu) {
      const x = operand(1, M * K), w = operand(2, K * N);
      const a = gpu.tensor(x, transA ? [K, M] : [M, K]), b = gpu.tensor(w, transB ? [N, K] : [K, N]);
      const c = gpu.empty([M, N]);
      const samples = sampled(M * N, (index) => {
        const m = Math.floor(index / N), n = index % N;
        let sum = 0;
        for (let k = 0; k < K; k++) {
          sum += x[transA ? k * M + m : m * K + k] * w[transB ? n * K + k : k * N + n];
        }
        return sum;
      });
      return {
        run(tile) {
          if (tile?.shared && (M < tile.TM || N < tile.TN)) {
            throw new RangeError(`Expected a product of ${tile.TM}×${tile.TN} at least, but found ${M}×${N}`);
          }
          gemm(gpu, { a, b, c, M, K, N, transA, transB, tile });
        },
        outputs: [{ tensor: c, samples }],
      };
    },
  };
}

/**
 * Two rows of the table, of which the first is for products from some size on, and whether a subgroup shares B: of all
 * combinations the one that takes the least time. Where the table as it is takes no longer, it stays.
 */
function code(
  tried: readonly Tried<GemmTile>[],
  problems: readonly Problem<GemmTile>[],
  { kind, subgroup }: Profile,
): string {
  const all = problems.map((_, p) => p);
  const only = (wanted: (tile: GemmTile) => boolean) =>
    tried.filter(({ tile }) => tile !== "table" && wanted(tile));
  const alone = only((tile) => !tile.shared), shared = only((tile) => !!tile.shared);
  const table = tried.find(({ tile }) => tile === "table");
  const takes = (p: number) => Number(problems[p].shape.split("x")[0]) >= 4 * subgroup; // as gemm.ts has it
  let least = Infinity, found = "";
  for (const sharing of [null, ...shared]) {
    for (const large of alone) {
      for (const small of alone) {
        const tileOf = (one: Tried<GemmTile>) => one.tile as GemmTile;
        if (tileOf(large).enough !== tileOf(small).enough) continue; // one number for all
        for (const work of new Set(problems.map(({ flops }) => flops))) {
          const chosen = all.map((p) =>
            [sharing && takes(p) ? sharing : problems[p].flops >= work ? large : small, p] as const
          );
          const cost = costOf(tried, chosen);
          if (cost >= least) continue;
          least = cost;
          const row = ({ TM, TN, THREADS }: GemmTile, work: number) =>
            literal({ TM, TN, THREADS, work, threads: 0 });
          found = [
            `TILES.${kind} = [${row(tileOf(large), work)}, ${row(tileOf(small), 0)}]`,
            `SHARED.${kind} = ${
              sharing ? literal({ TM: tileOf(sharing).TM, TN: tileOf(sharing).TN }) : "null"
            }`,
            `ENOUGH_THREADS.${kind} = ${tileOf(large).enough ?? ENOUGH_THREADS[kind]}`,
          ].join("\n");
        }
      }
    }
  }
  if (table && costOf(tried, all.map((p) => [table, p] as const)) <= least * NOISE || found === "") {
    return [
      `TILES.${kind} = [${TILES[kind].map(literal).join(", ")}] // as it is`,
      `SHARED.${kind} = ${SHARED[kind] ? literal(SHARED[kind]) : "null"} // as it is`,
    ].join("\n");
  }
  return found;
}
