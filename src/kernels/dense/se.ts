/**
 * Host side of se.wgsl: small dense layers, and the gating of a map's channels.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./se.wgsl" with { type: "text" };

const DENSE = { name: "se dense", source, entry: "dense" };
const GATE = { name: "se gate", source, entry: "gate" };
const UNUSED = { rows: 0, W: 0, K4: 0, silu: 0 };

/**
 * act(x · weightᵀ + bias) for few rows and frozen weights: x [B, K], weight [N, K], bias [N] → [B, N].
 *
 * @throws {RangeError} where K or N is no multiple of 4, or the weight is not for K channels
 */
export function dense(
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  act: "silu" | "sigmoid",
): Tensor {
  const [B, K] = x.shape, [N, inputs] = weight.shape;
  if (K % 4 !== 0 || N % 4 !== 0) {
    throw new RangeError(`Expected multiples of 4 channels, but found ${K} and ${N}`);
  }
  if (inputs !== K) throw new RangeError(`Expected a weight for ${K} channels, but found [${weight.shape}]`);
  const y = gpu.empty([B, N], "a dense layer's output");
  const params = { ...UNUSED, C4: N / 4, K4: K / 4, silu: act === "silu" ? 1 : 0 };
  gpu.stream.dispatch(DENSE, { source: x, weight, bias, y }, params, [Math.ceil(N / 4 / 8), B]);
  return y;
}

/** x[b, h, w, c] *= gates[b, c], in place: x [B, H, W, C], gates [B, C]. */
export function gate(gpu: Compute, x: Tensor, gates: Tensor): void {
  const [B, H, W, C] = x.shape;
  if (C % 4 !== 0) throw new RangeError(`Expected a multiple of 4 channels, but found ${C}`);
  if (gates.size !== B * C) throw new RangeError(`Expected gates [${B},${C}], but found [${gates.shape}]`);
  const params = { ...UNUSED, rows: H, W, C4: C / 4 };
  gpu.stream.dispatch(GATE, { source: gates, y: x }, params, [Math.ceil(W * C / 4 / 64), H, B]);
}
