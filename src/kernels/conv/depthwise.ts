/**
 * Host side of depthwise.wgsl: one k×k filter a channel over NHWC maps, with the bias and the activation that
 * follow it in every MBConv block.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { AdapterKind } from "../../gpu/profile.ts";
import type { FloatType, Tensor } from "../../gpu/tensor.ts";
import { type Act, actConstants, actText } from "./act.ts";
import type { Window } from "./geometry.ts";
import { positionMean } from "./position_mean.ts";
import { storedType } from "../dense/element.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import source from "./depthwise.wgsl" with { type: "text" };

const COLUMNS = 4; // pixels a thread, times ROWS

/**
 * Rows of pixels a thread, by kernel and stride, and for others. Hardware gains by more threads, software adapters by fewer
 * loads, for which they compile longer: 8 rows spare 5×5/1 a third of its time, and the others nothing (llvmpipe, 2026-11).
 */
export const ROWS_OF: Record<AdapterKind, Record<string, number> & { other: number }> = {
  software: { "5/1": 8, other: 4 },
  hardware: { other: 1 },
};

/** Puts PyTorch's [C, 1, k, k] in the order in which depthwise.wgsl reads: [k, k, C]. */
export function packDepthwise(weight: Float32Array, C: number, k: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(weight, (_, i) => weight[(i % C) * k * k + Math.floor(i / C)]);
}

/** What comes with a depthwise convolution. */
export interface DepthwiseOptions {
  /** Default none. */
  act?: Act;
  /** Whether means of the result over its positions are wanted too, for which it is not read again. Default no. */
  mean?: boolean;
  /** Rows of pixels a thread instead of the table's: for those who look for better. */
  rows?: number;
}

/**
 * act(depthwise(x, weight) + bias): x [B, H, W, C], weight [k, k, C] from {@linkcode packDepthwise}, bias [C] →
 * y [B, outH, outW, C], and its means [B, C] where they are wanted; all of one dtype.
 *
 * @throws {RangeError} where C is no multiple of 4, or the weight is not for C channels
 */
export function depthwise<T extends FloatType>(
  gpu: Compute,
  x: Tensor<T>,
  weight: Tensor<T>,
  bias: Tensor<T>,
  { stride, top, left, outH, outW }: Window,
  { act = "none", mean = false, rows: wanted }: DepthwiseOptions = {},
): { y: Tensor<T>; mean: Tensor<T> | null } {
  const [B, H, W, C] = x.shape;
  const [K, , channels] = weight.shape;
  if (C % 4 !== 0) throw new RangeError(`Expected a multiple of 4 channels, but found ${C}`);
  if (channels !== C) {
    throw new RangeError(`Expected a weight for ${C} channels, but found [${weight.shape}]`);
  }
  const table = ROWS_OF[gpu.profile.kind], ROWS = wanted ?? table[`${K}/${stride}`] ?? table.other;
  const rows = Math.ceil(outH / ROWS), columns = Math.ceil(outW / COLUMNS);
  const y = gpu.empty([B, outH, outW, C], "a depthwise convolution's output", x.dtype);
  const sums = gpu.empty([B, rows, columns, C], "sums of its tiles");
  gpu.stream.dispatch(
    depthwiseKernel(K, stride, ROWS, act, x.dtype),
    { x, weight, bias, y, sums },
    { H, W, C4: C / 4, outH, outW, top, left, rows, columns },
    [Math.ceil(columns * C / 4 / 64), rows, B],
  );
  const means = mean ? positionMean(gpu, sums, outH * outW, x.dtype) : null;
  gpu.release(sums);
  return { y, mean: means };
}

const kernel = kernelTable();

/** The kernel for one size, stride, tile and activation; its text is made once. */
function depthwiseKernel(K: number, STRIDE: number, ROWS: number, act: Act, dtype: FloatType): Kernel {
  const name = `depthwise ${K}x${K}/${STRIDE}`;
  const constants = { STRIDE, ROWS, COLUMNS, ...actConstants(act) };
  return kernel(`${name} ${dtype} ${ROWS} ${JSON.stringify(act)}`, () => {
    const under = (pixels: number) => (pixels - 1) * STRIDE + K;
    const counts = { i: ROWS, j: COLUMNS, p: K, q: K, r: under(ROWS), s: under(COLUMNS), K, STRIDE };
    const types = `alias Stored = ${storedType(4, dtype)};\n${actText("vec4f")}`;
    return { name, source: types + each(source, counts, name), entry: "depthwise", constants };
  });
}
