/**
 * Host side of weight_gradient.wgsl and unpack_gradient.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import { spread } from "../grid.ts";
import { MOST_ITERATIONS } from "../iterations.ts";
import type { Geometry } from "./geometry.ts";
import { type Sharing, sharingOf, waysOf } from "../lanes.ts";
import unpack from "./unpack_gradient.wgsl" with { type: "text" };
import source from "./weight_gradient.wgsl" with { type: "text" };

/** Windows and channels a thread, these for several taps and for one alone; threads a workgroup; threads that are enough. */
export interface WeightTile {
  TM: number;
  CT: number;
  alone: number;
  THREADS: number;
  enough: number;
}

// Windows and channels a thread, these for a tap alone and for several; and threads that are enough. GFLOP/s on llvmpipe with
// subgroups by the processor's time, in much company (2026-11), of a 3×3 and of a 4×4 with stride 2 from 32 to 32 channels:
// 4×16 45 and 38, 4×32 39 and 30, 8×16 39 and 28, 4×8 29 and 21; a product of patches that lie in memory 17 and 16.
export const TILES: Record<Sharing, WeightTile> = {
  subgroups: { TM: 4, CT: 16, alone: 32, THREADS: 1, enough: 256 },
  software: { TM: 4, CT: 8, alone: 16, THREADS: 32, enough: 256 },
  hardware: { TM: 4, CT: 4, alone: 8, THREADS: 64, enough: 1 << 14 },
};
const LONGEST = 4096; // windows that are added up one by one
const MOST_BYTES = 16 << 20; // of parts

/**
 * The gradient of the weight of a convolution from x [B, H, W, C] to [B, outH, outW, O], whose gradient is dz: written or
 * added to dweight [O, C, k, k].
 *
 * @param tile instead of the table's: for those who look for a better one
 */
export function weightGradient(
  gpu: Compute,
  dz: Tensor,
  x: Tensor,
  dweight: Tensor,
  add: boolean,
  g: Windows,
  tile: WeightTile = TILES[sharingOf(gpu.profile).sharing],
): void {
  const O = dz.shape[3], C = x.shape[3], padded = (n: number) => Math.ceil(n / 4 / LANES) * LANES;
  const { LANES } = sharingOf(gpu.profile);
  // Without a stride, x and dz may change places, with taps turned around: lanes without a channel are of no use.
  const TURNED = g.stride === 1 && padded(C) * O < padded(O) * C;
  const { parts, splits, KW } = TURNED
    ? partsOf(gpu, tile, x, dz, { ...g, padding: g.dilation * (g.k - 1) - g.padding })
    : partsOf(gpu, tile, dz, x, g);
  const [A, inputs] = TURNED ? [C, O] : [O, C], { across, grid } = spread(A * inputs);
  gpu.stream.dispatch(
    { name: "unpack gradient", source: unpack, entry: "unpack", constants: { TURNED, K: g.k, KW } },
    { parts, dweight },
    { across, splits, A, C: inputs, pitch: 4 * Math.ceil(A / 4), add: add ? 1 : 0 },
    grid,
  );
  gpu.release(parts);
}

type Windows = Pick<Geometry, "k" | "stride" | "padding" | "dilation">;

/** Runs weight_gradient.wgsl with dz [B, rows, columns, O] and the windows over x. */
function partsOf(
  gpu: Compute,
  tile: WeightTile,
  dz: Tensor,
  x: Tensor,
  { k, stride: STRIDE, padding, dilation }: Windows,
): { parts: Tensor; splits: number; KW: number } {
  const [B, rows, columns, O] = dz.shape, [, H, W, C] = x.shape, O4 = Math.ceil(O / 4);
  const { LANES } = sharingOf(gpu.profile), THREADS = LANES * tile.THREADS;
  const KW = dilation === 1 ? k : 1, Q = k / KW;
  const CT = Math.min(C, KW === 1 ? tile.alone : tile.CT), WIDTH = C % 4 === 0 ? 4 : 1;
  const tiles = Math.ceil(C / CT), units = k * Q * tiles, lines = B * rows;
  const wanted = Math.max(tile.enough / (units * O4), lines * columns / LONGEST);
  const room = Math.max(1, Math.floor(MOST_BYTES / (16 * k * k * C * O4)));
  const most = Math.floor(MOST_ITERATIONS / (columns / tile.TM + 3)); // lines that a thread can go over
  const per = Math.min(most, Math.ceil(lines / Math.min(Math.ceil(wanted), room, lines)));
  const splits = Math.ceil(lines / per);
  const parts = gpu.empty([splits, k * k * C, 4 * O4], "parts of a weight's gradient");
  gpu.stream.dispatch(
    kernelFor({ TM: tile.TM, CT, KW, WIDTH, STRIDE, LANES, THREADS }, O % 4 === 0),
    { x, dz, parts },
    {
      ...{ lines, per, rows, columns, units, C, O, H, W, P: k, Q, tiles },
      ...{ apart: dilation, top: padding, left: padding },
    },
    LANES > 1 ? [units, Math.ceil(O4 / LANES), splits] : [Math.ceil(units * O4 / THREADS), 1, splits],
  );
  return { parts, splits, KW };
}

interface Tile {
  TM: number;
  CT: number;
  KW: number;
  WIDTH: number;
  STRIDE: number;
  LANES: number;
  THREADS: number;
}

const kernel = kernelTable();

/** The kernel for one tile and one way of reading; its text is made once. */
function kernelFor(tile: Tile, fours: boolean): Kernel {
  const { TM, CT, KW, WIDTH, STRIDE, LANES } = tile;
  const name = `weight gradient ${fours ? "vec4" : "scalar"}${LANES > 1 ? " subgroups" : ""}`;
  return kernel(`${name} ${JSON.stringify(tile)}`, () => {
    const columns = (TM - 1) * STRIDE + KW, VS = CT / WIDTH;
    const counts = {
      ...{ m: TM, q: KW, c: CT, v: VS, s: columns, h: Math.ceil(columns * VS / LANES), STRIDE, LANES, VS },
      ...waysOf(LANES, WIDTH, fours),
    };
    const types = `alias X = ${WIDTH === 4 ? "vec4f" : "f32"}; alias Z = ${fours ? "vec4f" : "f32"};\n`;
    const text = types + each(source, counts, name);
    return { name, source: text, entry: "weight_gradient", constants: { ...tile } };
  });
}
