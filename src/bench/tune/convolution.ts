/**
 * The tiles of convolutions: those that learn, forward and the gradient of their weight, and depthwise ones.
 *
 * @module
 */
import type { AdapterKind } from "../../gpu/profile.ts";
import { axisOf } from "../../kernels/conv/axis.ts";
import { correlate, type CorrelateTile, TILES } from "../../kernels/conv/correlate.ts";
import { accumulate } from "../../kernels/dense/elementwise.ts";
import { depthwise, ROWS_OF } from "../../kernels/conv/depthwise.ts";
import { type Geometry, geometryOf } from "../../kernels/conv/geometry.ts";
import { type Sharing, sharingOf } from "../../kernels/lanes.ts";
import { MOST, packFilters } from "../../kernels/conv/pack_filters.ts";
import {
  TILES as WEIGHT_TILES,
  weightGradient,
  type WeightTile,
} from "../../kernels/conv/weight_gradient.ts";
import { best, type Family, literal, operand, type Problem, sampled, type Tried } from "./family.ts";

/** From `side`×`side` positions of C channels to O channels, of B images. */
interface Shape {
  B: number;
  side: number;
  C: number;
  O: number;
  k: number;
  stride: number;
}

const SHAPES: Shape[] = [
  { B: 16, side: 64, C: 32, O: 32, k: 4, stride: 2 },
  { B: 16, side: 16, C: 64, O: 128, k: 4, stride: 2 },
  { B: 16, side: 32, C: 32, O: 32, k: 3, stride: 1 },
  { B: 16, side: 8, C: 128, O: 64, k: 3, stride: 1 },
];

/** With how many fours of channels a thread at most. */
export type ConvolutionTile = CorrelateTile & { FOURS: number };

/** correlate.ts and pack_filters.ts at shapes of autoencoders, or those given. */
export function correlateFamily(
  _kind: AdapterKind,
  shapes: readonly Shape[] = SHAPES,
): Family<ConvolutionTile> {
  return {
    name: "convolution",
    file: "src/kernels/conv/correlate.ts and pack_filters.ts",
    present: (_, profile) => ({
      ...TILES[sharingOf(profile).sharing],
      FOURS: MOST[sharingOf(profile).sharing].FOURS,
    }),
    candidates: (profile) => correlateTiles(sharingOf(profile).sharing),
    problems: shapes.map((shape) => ({ ...about(shape), prepare: forward(shape) })),
    code(tried, problems, profile) {
      const name = sharingOf(profile).sharing, tile = chosen(tried, problems);
      const { FOURS, ...rest } = tile ?? { ...TILES[name], FOURS: MOST[name].FOURS };
      const end = tile ? "" : " // as it is";
      return `TILES.${name} = ${literal(rest)}${end}\nMOST.${name}.FOURS = ${FOURS}${end}`;
    },
  };
}

/** weight_gradient.ts at the same shapes. */
export function weightFamily(_kind: AdapterKind, shapes: readonly Shape[] = SHAPES): Family<WeightTile> {
  return {
    name: "weight gradient",
    file: "src/kernels/conv/weight_gradient.ts",
    present: (_, profile) => WEIGHT_TILES[sharingOf(profile).sharing],
    candidates: (profile) => weightTiles(sharingOf(profile).sharing),
    problems: shapes.map((shape) => ({ ...about(shape), prepare: weight(shape) })),
    code(tried, problems, profile) {
      const name = sharingOf(profile).sharing, tile = chosen(tried, problems);
      return `TILES.${name} = ${literal(tile ?? WEIGHT_TILES[name])}${tile ? "" : " // as it is"}`;
    },
  };
}

/** Depthwise filters of EfficientNet-B4, by kernel and stride. */
export function depthwiseFamily(
  _kind: AdapterKind,
  shapes: readonly Shape[] = [[3, 1, 64, 192], [3, 2, 32, 336], [5, 1, 16, 960], [5, 2, 64, 192]]
    .map(([k, stride, side, C]) => ({ B: 16, side, C, O: C, k, stride })),
): Family<number> {
  return {
    name: "depthwise",
    file: "src/kernels/conv/depthwise.ts",
    present: (row, { kind }) => ROWS_OF[kind][row] ?? ROWS_OF[kind].other,
    candidates: () => [1, 2, 4, 8],
    problems: shapes.map((shape) => ({
      ...about(shape),
      row: `${shape.k}/${shape.stride}`,
      flops: about(shape).flops / shape.C,
      prepare: perChannel(shape),
    })),
    code(tried, problems, { kind }) {
      const rows = problems.map(({ row }, p) => {
        const tile = best(tried, [p])?.tile ?? "table";
        return `"${row}": ${tile === "table" ? ROWS_OF[kind][row] ?? ROWS_OF[kind].other : tile}`;
      });
      return `ROWS_OF.${kind} = { ${rows.join(", ")}, other: ${ROWS_OF[kind].other} }`;
    },
  };
}

/** What is better than the table's at all problems together; null where nothing is. */
function chosen<T>(tried: readonly Tried<T>[], problems: readonly unknown[]): T | null {
  const tile = best(tried, problems.map((_, p) => p))?.tile ?? "table";
  return tile === "table" ? null : tile as T;
}

function correlateTiles(of: Sharing): ConvolutionTile[] {
  const tiles: Record<Sharing, number[][]> = {
    subgroups: [[8, 1, 8], [4, 1, 8], [8, 1, 4], [16, 1, 4]],
    software: [[8, 32, 4], [4, 32, 4], [8, 32, 2]],
    hardware: [[4, 64, 2], [2, 64, 2], [4, 64, 4], [8, 64, 2], [4, 128, 2], [2, 64, 4], [8, 64, 1], [
      4,
      64,
      1,
    ], [8, 64, 4]],
  };
  return tiles[of].map(([TM, THREADS, FOURS]) => ({ TM, THREADS, FOURS }));
}

function weightTiles(of: Sharing): WeightTile[] {
  const tiles: Record<Sharing, number[][]> = {
    subgroups: [[4, 16, 32, 1, 256], [4, 8, 16, 1, 256], [8, 16, 32, 1, 256]],
    software: [[4, 8, 16, 32, 256], [4, 4, 8, 32, 256]],
    hardware: [
      ...[14, 15, 16, 17].map((log) => [4, 4, 8, 64, 1 << log]),
      ...[[4, 8, 8], [8, 4, 8], [2, 4, 8], [2, 8, 8]].map((tile) => [...tile, 64, 1 << 16]),
    ],
  };
  return tiles[of].map(([TM, CT, alone, THREADS, enough]) => ({ TM, CT, alone, THREADS, enough }));
}

function windows({ side, k, stride }: Shape): Geometry {
  return geometryOf([side, side], k, { stride, padding: k === 5 ? 2 : 1 });
}

function about(shape: Shape): Omit<Problem<unknown>, "prepare"> {
  const { B, side, C, O, k, stride } = shape, { outH, outW } = windows(shape);
  return {
    shape: `${B}x${side}x${side}x${C}`,
    note: `${k}×${k}/${stride} to ${O}`,
    row: "all",
    flops: 2 * B * outH * outW * k * k * C * O,
  };
}

/** Calls with every tap of a window that lies within x: its number, and where x's value of the first channel is. */
function taps(
  g: Geometry,
  C: number,
  b: number,
  i: number,
  j: number,
  call: (tap: number, at: number) => void,
): void {
  for (let p = 0; p < g.k; p++) {
    for (let q = 0; q < g.k; q++) {
      const h = i * g.stride + p - g.padding, w = j * g.stride + q - g.padding;
      if (h >= 0 && h < g.H && w >= 0 && w < g.W) call(p * g.k + q, ((b * g.H + h) * g.W + w) * C);
    }
  }
}

/** An index of [B, rows, columns, channels], taken apart. */
function apart(
  index: number,
  rows: number,
  columns: number,
  channels: number,
): [number, number, number, number] {
  const position = Math.floor(index / channels), line = Math.floor(position / columns);
  return [Math.floor(line / rows), line % rows, position % columns, index % channels];
}

function forward(shape: Shape): Problem<ConvolutionTile>["prepare"] {
  const { B, side, C, O, k } = shape, g = windows(shape), { outH, outW } = g;
  return (gpu) => {
    const x = operand(1, B * side * side * C), w = operand(2, O * C * k * k);
    const X = gpu.tensor(x, [B, side, side, C]), W = gpu.tensor(w, [O, C, k, k]);
    const y = gpu.empty([B, outH, outW, O]), axes = [axisOf(outH, g), axisOf(outW, g)] as const;
    const samples = sampled(y.size, (index) => {
      const [b, i, j, o] = apart(index, outH, outW, O);
      let sum = 0;
      taps(g, C, b, i, j, (tap, at) => {
        for (let c = 0; c < C; c++) sum += x[at + c] * w[(o * C + c) * k * k + tap];
      });
      return sum;
    });
    return {
      run({ FOURS, ...tile }) {
        const most = { ...MOST[sharingOf(gpu.profile).sharing], FOURS };
        const filters = packFilters(gpu, W, null, axes, false, most);
        correlate(gpu, X, filters, y, axes, { tile });
        gpu.release(filters.values);
      },
      outputs: [{ tensor: y, samples }],
    };
  };
}

function weight(shape: Shape): Problem<WeightTile>["prepare"] {
  const { B, side, C, O, k } = shape, g = windows(shape), { outH, outW } = g;
  return (gpu) => {
    const x = operand(1, B * side * side * C), dz = operand(2, B * outH * outW * O);
    const X = gpu.tensor(x, [B, side, side, C]), DZ = gpu.tensor(dz, [B, outH, outW, O]);
    const dweight = gpu.empty([O, C, k, k]);
    const samples = sampled(dweight.size, (index) => {
      const tap = index % (k * k), c = Math.floor(index / k / k) % C, o = Math.floor(index / k / k / C);
      const p = Math.floor(tap / k), q = tap % k;
      let sum = 0;
      for (let b = 0; b < B; b++) {
        for (let i = 0; i < outH; i++) {
          const h = i * g.stride + p - g.padding;
          if (h < 0 || h >= side) continue;
          for (let j = 0; j < outW; j++) {
            const w = j * g.stride + q - g.padding;
            if (w < 0 || w >= side) continue;
            sum += dz[((b * outH + i) * outW + j) * O + o] * x[((b * side + h) * side + w) * C + c];
          }
        }
      }
      return sum;
    });
    return {
      run: (tile) => weightGradient(gpu, DZ, X, dweight, false, g, tile),
      outputs: [{ tensor: dweight, samples }],
    };
  };
}

function perChannel(shape: Shape): Problem<number>["prepare"] {
  const { B, side, C, k, stride } = shape, g = windows(shape), { outH, outW } = g;
  return (gpu) => {
    const x = operand(1, B * side * side * C), w = operand(2, k * k * C);
    const X = gpu.tensor(x, [B, side, side, C]), W = gpu.tensor(w, [k, k, C]);
    const bias = gpu.tensor(new Float32Array(C)),
      window = { stride, top: g.padding, left: g.padding, outH, outW };
    const y = gpu.empty([B, outH, outW, C]);
    const samples = sampled(y.size, (index) => {
      const [b, i, j, c] = apart(index, outH, outW, C);
      let sum = 0;
      taps(g, C, b, i, j, (tap, at) => sum += x[at + c] * w[tap * C + c]);
      return sum;
    });
    // It makes its own output; a copy costs little beside it, and every candidate the same.
    const run = (rows: number) => {
      const made = depthwise(gpu, X, W, bias, window, { rows }).y;
      accumulate(gpu, made, y, false);
      gpu.release(made);
    };
    return { run, outputs: [{ tensor: y, samples }] };
  };
}
