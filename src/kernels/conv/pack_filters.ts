/**
 * Host side of pack_filters.wgsl: filters in the order in which correlate.wgsl reads them, and what of its tile that depends
 * on.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { FloatTensor, FloatType } from "../../gpu/tensor.ts";
import { storedType } from "../dense/element.ts";
import { spread } from "../grid.ts";
import type { Axis } from "./axis.ts";
import { type Sharing, sharingOf } from "../lanes.ts";
import source from "./pack_filters.wgsl" with { type: "text" };

/** What of an axis filters depend on. */
export type Taps = Pick<Axis, "taps" | "first" | "step" | "apart">;

const text = (dtype: FloatType) =>
  `alias One = ${dtype};\nalias Stored = ${storedType(4, dtype)};\n${source}`;
const SOURCES = { f32: text("f32"), f16: text("f16") };

/** Filters that are packed. */
export interface PackedFilters {
  values: FloatTensor;
  O: number;
  C: number;
  /** Lines of taps, and blocks of KW taps in each. */
  P: number;
  Q: number;
  /** Taps of a line, and channels of x, that are looked at together. */
  KW: number;
  WIDTH: number;
  /** Fours of channels that a thread computes. */
  FOURS: number;
}

// Fours a thread at most, and up to how many taps times fours four or two channels of x are read at once. GFLOP/s on llvmpipe
// with subgroups by the processor's time, in much company (2026-11), of a 3×3 and of a 4×4 with stride 2 from 32 to 32
// channels: 8 pixels × 32 channels a thread with one channel at a time 38 and 38, with two 43 and 29, with four 29 in three
// times the time to compile; 8×16 with two 35 and 32.
export const MOST: Record<Sharing, { FOURS: number; four: number; two: number }> = {
  subgroups: { FOURS: 8, four: 4, two: 24 },
  software: { FOURS: 4, four: 4, two: 12 },
  hardware: { FOURS: 2, four: Infinity, two: Infinity },
};

/**
 * The taps of two axes of a weight [O, C, k, k] from C channels to O, or of [C, O, k, k] where it is transposed, and the
 * bias [O], zeros where there is none.
 *
 * @param most instead of the table's: for those who look for better
 */
export function packFilters(
  gpu: Compute,
  weight: FloatTensor,
  bias: FloatTensor | null,
  [lines, columns]: readonly [Taps, Taps],
  transposed = false,
  most = MOST[sharingOf(gpu.profile).sharing],
): PackedFilters {
  const [first, second, K] = weight.shape, pitches = [second * K * K, K * K];
  const [O, C, outPitch, inPitch] = transposed
    ? [second, first, ...pitches.reverse()]
    : [first, second, ...pitches];
  const O4 = Math.ceil(O / 4);
  const FOURS = Math.ceil(O4 / Math.ceil(O4 / most.FOURS));
  const KW = columns.apart === 1 ? Math.max(1, columns.taps) : 1, work = KW * FOURS;
  const WIDTH = C % 4 === 0 && work <= most.four ? 4 : C % 2 === 0 && work <= most.two ? 2 : 1;
  const values = gpu.empty([lines.taps * columns.taps * C + 1, 4 * O4], "packed filters", weight.dtype);
  const { across, grid } = spread((C + 1) * O4);
  const axes = { firstP: lines.first, stepP: lines.step, firstQ: columns.first, stepQ: columns.step };
  gpu.stream.dispatch(
    { name: "pack filters", source: SOURCES[weight.dtype], entry: "pack", constants: { KW, WIDTH } },
    { weight, bias: bias ?? weight, packed: values },
    {
      ...{ across, O, O4, C, P: lines.taps, Q: columns.taps, K, outPitch, inPitch },
      ...axes,
      biased: bias ? 1 : 0,
    },
    grid,
  );
  return { values, O, C, P: lines.taps, Q: columns.taps / KW, KW, WIDTH, FOURS };
}
