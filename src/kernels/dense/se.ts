/**
 * Host side of se.wgsl: small dense layers, and the gating of a map's channels.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { FloatType, Tensor } from "../../gpu/tensor.ts";
import { storedType } from "./element.ts";
import source from "./se.wgsl" with { type: "text" };

const kernels = (dtype: FloatType) => {
  const text = `alias Stored = ${storedType(4, dtype)};\n${source}`;
  return {
    dense: { name: "se dense", source: text, entry: "dense" },
    gate: { name: "se gate", source: text, entry: "gate" },
  };
};
const KERNELS = { f32: kernels("f32"), f16: kernels("f16") };
const UNUSED = { rows: 0, W: 0, K4: 0, silu: 0 };

/**
 * act(x · weightᵀ + bias) for few rows and frozen weights, all of one dtype: x [B, K], weight [N, K], bias [N] → [B, N].
 *
 * @throws {RangeError} where K or N is no multiple of 4, or the weight is not for K channels
 */
export function dense<T extends FloatType>(
  gpu: Compute,
  x: Tensor<T>,
  weight: Tensor<T>,
  bias: Tensor<T>,
  act: "silu" | "sigmoid",
): Tensor<T> {
  const [B, K] = x.shape, [N, inputs] = weight.shape;
  if (K % 4 !== 0 || N % 4 !== 0) {
    throw new RangeError(`Expected multiples of 4 channels, but found ${K} and ${N}`);
  }
  if (inputs !== K) throw new RangeError(`Expected a weight for ${K} channels, but found [${weight.shape}]`);
  const y = gpu.empty([B, N], "a dense layer's output", x.dtype);
  const params = { ...UNUSED, C4: N / 4, K4: K / 4, silu: act === "silu" ? 1 : 0 };
  gpu.stream.dispatch(KERNELS[x.dtype].dense, { source: x, weight, bias, y }, params, [
    Math.ceil(N / 4 / 8),
    B,
  ]);
  return y;
}

/** x[b, h, w, c] *= gates[b, c], in place: x [B, H, W, C], gates [B, C]. */
export function gate<T extends FloatType>(gpu: Compute, x: Tensor<T>, gates: Tensor<T>): void {
  const [B, H, W, C] = x.shape;
  if (C % 4 !== 0) throw new RangeError(`Expected a multiple of 4 channels, but found ${C}`);
  if (gates.size !== B * C) throw new RangeError(`Expected gates [${B},${C}], but found [${gates.shape}]`);
  const params = { ...UNUSED, rows: H, W, C4: C / 4 };
  gpu.stream.dispatch(KERNELS[x.dtype].gate, { source: gates, y: x }, params, [
    Math.ceil(W * C / 4 / 64),
    H,
    B,
  ]);
}
