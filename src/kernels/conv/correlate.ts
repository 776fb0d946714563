/**
 * Host side of correlate.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { FloatTensor, FloatType } from "../../gpu/tensor.ts";
import { storedType } from "../dense/element.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import { spread } from "../grid.ts";
import { type Act, actConstants, actText } from "./act.ts";
import type { Axis } from "./axis.ts";
import source from "./correlate.wgsl" with { type: "text" };
import { type Sharing, sharingOf, waysOf } from "../lanes.ts";
import type { PackedFilters } from "./pack_filters.ts";

/** What becomes of the sums. */
export interface Ending {
  /** Default none. */
  act?: Act;
  /** Whether they are added to what is there. */
  add?: boolean;
  /** Of the result's shape, and added before the activation. */
  skip?: FloatTensor;
  /** Pixels a thread, and threads a workgroup or subgroups in it, instead of the table's: for those who look for better. */
  tile?: CorrelateTile;
}

/** What a thread computes, with how many others. */
export interface CorrelateTile {
  TM: number;
  THREADS: number;
}

// Pixels a thread. On llvmpipe 16 are slower than 8 (34 instead of 38 GFLOP/s, see pack_filters.ts). Hardware wants many
// threads.
export const TILES: Record<Sharing, CorrelateTile> = {
  subgroups: { TM: 8, THREADS: 1 },
  software: { TM: 8, THREADS: 32 },
  hardware: { TM: 4, THREADS: 64 },
};

/**
 * y at the positions of both axes = act(Σ x · filters + bias + skip): x [B, H, W, C], y [B, outH, outW, O], all of one dtype.
 *
 * @throws {RangeError} where the filters are not from C channels to O, or skip is of another size
 */
export function correlate(
  gpu: Compute,
  x: FloatTensor,
  { values, Q, KW, WIDTH, FOURS, ...filters }: PackedFilters,
  y: FloatTensor,
  [lines, columns]: readonly [Axis, Axis],
  { act = "none", add = false, skip, tile: chosen }: Ending = {},
): void {
  const [B, H, W, C] = x.shape, [, outH, outW, O] = y.shape, { sharing, LANES } = sharingOf(gpu.profile);
  if (filters.C !== C || filters.O !== O) {
    throw new RangeError(
      `Expected maps of ${C} channels to ${O}, but found filters from ${filters.C} to ${filters.O}`,
    );
  }
  if (skip && skip.size !== y.size) {
    throw new RangeError(`Expected [${y.shape}] to add, but found [${skip.shape}]`);
  }
  const table = chosen ?? TILES[sharing], THREADS = LANES * table.THREADS;
  let { TM } = table;
  const runsOf = (TM: number) => lines.count * Math.ceil(columns.count / TM); // of an image
  while (TM > columns.count || TM > 1 && runsOf(TM) < LANES) TM /= 2;
  const perRow = Math.ceil(columns.count / TM),
    runs = B * runsOf(TM),
    { across, grid } = spread(runs, THREADS);
  const tile = { TM, FOURS, KW, WIDTH, STRIDE: columns.stride, LANES, THREADS, ADD: add, SKIP: !!skip };
  gpu.stream.dispatch(
    kernelFor(tile, O % 4 === 0, act, y.dtype),
    { x, weight: values, skip: skip ?? x, y },
    {
      ...{ runs, perRow, across, rows: lines.count, columns: columns.count },
      ...{ C, O, H, W, outH, outW, atI: lines.at, atJ: columns.at, every: lines.every },
      ...{ P: filters.P, Q, apart: lines.apart, top: -lines.from, left: -columns.from },
    },
    [...grid, Math.ceil(O / 4 / FOURS)],
  );
}

interface Tile {
  TM: number;
  FOURS: number;
  KW: number;
  WIDTH: number;
  STRIDE: number;
  LANES: number;
  THREADS: number;
  ADD: boolean;
  SKIP: boolean;
}

const kernels = kernelTable();

/** The kernel for one tile, one way of reading and writing, and one activation; its text is made once. */
function kernelFor(tile: Tile, fours: boolean, act: Act, dtype: FloatType): Kernel {
  const { TM, FOURS, KW, WIDTH, STRIDE, LANES } = tile;
  const name = `correlate ${fours ? "vec4" : "scalar"}${LANES > 1 ? " subgroups" : ""}`;
  const constants = { ...tile, ...actConstants(act) };
  return kernels(`${name} ${dtype} ${JSON.stringify(constants)}`, () => {
    const counts = {
      ...{ i: TM, j: FOURS, q: KW, u: WIDTH, s: (TM - 1) * STRIDE + KW, n: 4 },
      ...{ h: Math.ceil(KW * WIDTH * FOURS / LANES), STRIDE, WIDTH, FOURS, LANES },
      ...waysOf(LANES, WIDTH, fours),
    };
    const width = WIDTH as 1 | 2 | 4,
      types = `alias X = ${storedType(width, "f32")};
alias StoredX = ${storedType(width, dtype)};
alias StoredWeight = ${storedType(4, dtype)};
alias Stored = ${storedType(fours ? 4 : 1, dtype)};
${actText(fours ? "vec4f" : "f32")}`;
    return { name, source: types + each(source, counts, name), entry: "correlate", constants };
  });
}
