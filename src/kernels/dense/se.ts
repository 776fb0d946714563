/**
 * Host side of se.wgsl: the mean over a map's positions, small dense layers, and the gating of a map's channels.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./se.wgsl" with { type: "text" };

const MEAN = { name: "se mean", source, entry: "mean" };
const DENSE = { name: "se dense", source, entry: "dense" };
const GATE = { name: "se gate", source, entry: "gate" };
const BLOCK = 256; // positions a thread adds up in a first run
const UNUSED = { rows: 0, W: 0, K4: 0, block: 0, blocks: 0, scale: 0, silu: 0 };

/**
 * Means over the positions: x [B, H, W, C] → [B, C], added up in an order that depends on H·W alone.
 *
 * @param positions by how many the sum is divided: more than H·W where x has sums of several
 */
export function positionMean(gpu: Compute, x: Tensor, positions?: number): Tensor {
  const [B, H, W, C] = x.shape;
  const scale = 1 / (positions ?? H * W);
  if (C % 4 !== 0) throw new RangeError(`Expected a multiple of 4 channels, but found ${C}`);
  const y = gpu.empty([B, C], "means");
  const sum = (source: Tensor, y: Tensor, rows: number, block: number, scale: number) => {
    const blocks = Math.ceil(rows / block);
    const params = { ...UNUSED, rows, C4: C / 4, block, blocks, scale };
    gpu.stream.dispatch(MEAN, { source, y }, params, [Math.ceil(C / 4 / 64), blocks, B]);
  };
  const blocks = Math.ceil(H * W / BLOCK);
  if (blocks === 1) {
    sum(x, y, H * W, H * W, scale);
    return y;
  }
  const parts = gpu.empty([B, blocks, C], "partial means");
  sum(x, parts, H * W, BLOCK, 1);
  sum(parts, y, blocks, blocks, scale);
  gpu.release(parts);
  return y;
}

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
