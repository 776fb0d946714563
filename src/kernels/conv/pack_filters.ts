/**
 * Host side of pack_filters.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import type { Axis } from "./axis.ts";
import source from "./pack_filters.wgsl" with { type: "text" };

/** How packed filters lie: KW taps of a row and WIDTH channels at once. */
export interface FilterLayout {
  KW: number;
  WIDTH: number;
}

/** Filters as they are: value (t, s) from channel c to o is at o · outPitch + c · inPitch + t · k + s. */
export interface Filters {
  weight: Tensor;
  /** [O], or null for none. */
  bias: Tensor | null;
  O: number;
  C: number;
  k: number;
  outPitch: number;
  inPitch: number;
}

/** The taps of two axes of filters, and the bias, for correlate.wgsl. */
export function packFilters(
  gpu: Compute,
  { weight, bias, ...f }: Filters,
  [lines, columns]: readonly [Axis, Axis],
  layout: FilterLayout,
): Tensor {
  const O4 = Math.ceil(f.O / 4), { across, grid } = spread((f.C + 1) * O4);
  const packed = gpu.empty([lines.taps * columns.taps * f.C + 1, 4 * O4], "packed filters");
  const axes = { firstP: lines.first, stepP: lines.step, firstQ: columns.first, stepQ: columns.step };
  const { k: K, ...sizes } = f, taps = { P: lines.taps, Q: columns.taps, K };
  gpu.stream.dispatch(
    { name: "pack filters", source, entry: "pack", constants: { ...layout } },
    { weight, bias: bias ?? weight, packed },
    { ...sizes, ...axes, ...taps, O4, across, biased: bias ? 1 : 0 },
    grid,
  );
  return packed;
}
