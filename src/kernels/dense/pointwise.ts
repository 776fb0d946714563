/**
 * Host side of pointwise.wgsl: 1×1 convolution of NHWC maps with gates, bias, SiLU and residual. Without subgroups it
 * comes down to {@linkcode gate} and {@linkcode gemm}, and so it does on hardware, which shares the weights by its caches.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { AdapterKind } from "../../gpu/profile.ts";
import type { FloatType, Tensor } from "../../gpu/tensor.ts";
import { storedType } from "./element.ts";
import { gemm } from "./gemm.ts";
import { gate } from "./se.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import source from "./pointwise.wgsl" with { type: "text" };

/** What is done beside the convolution. */
export interface PointwiseOptions<T extends FloatType = "f32"> {
  act?: "none" | "silu";
  /** [B, K], by which x's channels are multiplied before it. */
  gates?: Tensor<T>;
  /** Laid out as the result, and added after the activation. */
  residual?: Tensor<T>;
}

// Positions a thread, of many and of few, and the most channels. 8×24 took 92 % of the time of 8×16 over all of EfficientNet-B4's shapes, 4×32
// and 8×32 96 and 98 % (llvmpipe, 2026-11).
const TILES: Record<AdapterKind, { large: number; small: number; TN: number } | null> = {
  software: { large: 8, small: 2, TN: 24 },
  hardware: null,
};

/**
 * act((x ∘ gates) · weightᵀ + bias) + residual: x [B, H, W, K], weight [N, K], bias [N] → [B, H, W, N], all
 * of one dtype. What x holds
 * afterwards is not defined where there are gates.
 *
 * @throws {RangeError} where K or N is no multiple of 4, or a tensor's size is not what the others ask for
 */
export function pointwise<T extends FloatType>(
  gpu: Compute,
  x: Tensor<T>,
  weight: Tensor<T>,
  bias: Tensor<T>,
  { act = "none", gates, residual }: PointwiseOptions<T> = {},
): Tensor<T> {
  const [B, H, W, K] = x.shape, [N, inputs] = weight.shape, M = H * W;
  if (K % 4 !== 0 || N % 4 !== 0) {
    throw new RangeError(`Expected multiples of 4 channels, but found ${K} and ${N}`);
  }
  if (inputs !== K) throw new RangeError(`Expected a weight for ${K} channels, but found [${weight.shape}]`);
  if (gates && gates.size !== B * K) {
    throw new RangeError(`Expected gates [${B},${K}], but found [${gates.shape}]`);
  }
  const y = gpu.empty([B, H, W, N], "a 1×1 convolution's output", x.dtype);
  const { kind, subgroup: lanes } = gpu.profile, tile = TILES[kind];
  if (lanes === 0 || !tile) {
    if (gates) gate(gpu, x, gates);
    gemm(gpu, { a: x, b: weight, c: y, M: B * M, N, K, transB: true, bias, act, residual });
    return y;
  }
  const rows = M > 4 * lanes ? tile.large : tile.small, columns = Math.min(tile.TN, 4 * lanes, N);
  const tilesN = Math.ceil(N / columns);
  gpu.stream.dispatch(
    pointwiseKernel(lanes, rows, columns, x.dtype, {
      SILU: act === "silu",
      GATED: !!gates,
      RESIDUAL: !!residual,
    }),
    { x, weight, bias, gates: gates ?? x, residual: residual ?? x, y },
    { M, N, K4: K / 4, tilesN },
    [Math.ceil(M / (lanes * rows)) * tilesN, 1, B],
  );
  return y;
}

const kernel = kernelTable();

/** The kernel for one tile and what is done beside; its text is made once. */
function pointwiseKernel(
  LANES: number,
  TM: number,
  TN: number,
  dtype: FloatType,
  parts: { SILU: boolean; GATED: boolean; RESIDUAL: boolean },
): Kernel {
  const name = `pointwise ${TM}x${TN}`;
  return kernel([name, LANES, dtype, ...Object.values(parts)].join(" "), () => ({
    name,
    source: `alias Stored = ${storedType(4, dtype)};\n` +
      each(source, { row: TM, column: TN / 4, one: 4 }, name),
    entry: "pointwise",
    constants: { TM, TN, LANES, ...parts },
  }));
}
