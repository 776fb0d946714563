/**
 * Host side of correlate.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { AdapterKind } from "../../gpu/profile.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import { spread } from "../grid.ts";
import { type Act, actConstants, actText } from "./act.ts";
import type { Axis } from "./axis.ts";
import source from "./correlate.wgsl" with { type: "text" };
import { type Filters, packFilters } from "./pack_filters.ts";

/** What becomes of the sums. */
export interface Ending {
  /** Default none. */
  act?: Act;
  /** Whether they are added to what is there. */
  add?: boolean;
}

// Pixels and fours of channels a thread at most, and up to how many taps times fours four or two channels of x are read at
// once. GFLOP/s on llvmpipe with subgroups by the processor's time, in much company (2026-11), of a 3×3 and of a 4×4 with
// stride 2 from 32 to 32 channels, a channel at a time: 8×32 38 and 38, 16×32 34 and 30; two at a time: 8×32 43 and 29, 4×32 35
// and 36, 8×16 35 and 32; four at a time 8×32 29, in three times the time to compile; a product of patches that lie in
// memory 22 and 20. Hardware wants many threads.
const TILES: Record<AdapterKind, { TM: number; FOURS: number; THREADS: number; four: number; two: number }> =
  {
    software: { TM: 8, FOURS: 8, THREADS: 32, four: 4, two: 24 },
    hardware: { TM: 4, FOURS: 2, THREADS: 64, four: Infinity, two: Infinity },
  };

/** y at the positions of both axes = act(Σ x · filters + bias): x [B, H, W, C], y [B, outH, outW, O]. */
export function correlate(
  gpu: Compute,
  x: Tensor,
  filters: Filters,
  y: Tensor,
  axes: readonly [Axis, Axis],
  { act = "none", add = false }: Ending = {},
): void {
  const [B, H, W, C] = x.shape, [, outH, outW, O] = y.shape, [lines, columns] = axes;
  const { kind, subgroup } = gpu.profile, most = TILES[kind], O4 = Math.ceil(O / 4);
  const shared = kind === "software" && subgroup > 0, LANES = shared ? subgroup : 1;
  const KW = columns.apart === 1 && lines.apart === 1 ? Math.max(1, columns.taps) : 1;
  const FOURS = Math.ceil(O4 / Math.ceil(O4 / most.FOURS));
  let TM = most.TM;
  while (TM > columns.count) TM /= 2;
  const WIDTH = C % 4 === 0 && KW * FOURS <= most.four ? 4 : C % 2 === 0 && KW * FOURS <= most.two ? 2 : 1;
  const perRow = Math.ceil(columns.count / TM), runs = B * lines.count * perRow;
  const THREADS = shared ? LANES : most.THREADS, { across, grid } = spread(runs, THREADS);
  const tile = { TM, FOURS, KW, WIDTH, STRIDE: columns.stride, LANES, THREADS, ADD: add };
  const kernel = kernelFor(tile, O % 4 === 0, act), packed = packFilters(gpu, filters, axes, { KW, WIDTH });
  gpu.stream.dispatch(
    kernel,
    { x, weight: packed, y },
    {
      ...{ runs, perRow, across, rows: lines.count, columns: columns.count },
      ...{ C, O, H, W, outH, outW, atI: lines.at, atJ: columns.at, every: lines.every },
      ...{ P: lines.taps, Q: columns.taps / KW, apart: lines.apart, top: -lines.from, left: -columns.from },
    },
    [...grid, Math.ceil(O4 / FOURS)],
  );
  gpu.release(packed);
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
}

const kernels = kernelTable();

/** The kernel for one tile, one way of reading and writing, and one activation; its text is made once. */
function kernelFor(tile: Tile, fours: boolean, act: Act): Kernel {
  const { TM, FOURS, KW, WIDTH, STRIDE, LANES } = tile, flag = (is: boolean) => is ? 1 : 0;
  const name = `correlate ${fours ? "vec4" : "scalar"}${LANES > 1 ? " subgroups" : ""}`;
  const constants = { ...tile, ...actConstants(act) };
  return kernels(`${name} ${JSON.stringify(constants)}`, () => {
    const counts = {
      ...{ i: TM, j: FOURS, q: KW, u: WIDTH, s: (TM - 1) * STRIDE + KW, n: 4 },
      ...{ h: Math.ceil(KW * WIDTH * FOURS / LANES), STRIDE, WIDTH, FOURS, LANES },
      ...{
        shared: flag(LANES > 1),
        alone: flag(LANES === 1),
        wide: flag(WIDTH > 1),
        narrow: flag(WIDTH === 1),
      },
      ...{ by_four: flag(fours), one_by_one: flag(!fours) },
    };
    const types = `alias X = ${WIDTH > 1 ? `vec${WIDTH}f` : "f32"};\n${actText(fours ? "vec4f" : "f32")}`;
    return { name, source: types + each(source, counts, name), entry: "correlate", constants };
  });
}
