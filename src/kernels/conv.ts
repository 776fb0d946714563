/**
 * Host side of conv.wgsl: k×k convolution over NHWC maps. Meant for a network's stem, whose few input channels
 * leave nothing to tile; a 1×1 convolution is a {@linkcode gemm}.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Activation } from "./gemm.ts";
import source from "./conv.wgsl" with { type: "text" };

const CONV = { name: "conv", source, entry: "conv" };
const ACTIVATIONS: Record<Activation, number> = { none: 0, relu: 1, silu: 2, sigmoid: 3 };

/** Where a k×k window goes: zeros above and left of the map, and the output's size, which implies the others. */
export interface Window {
  stride: number;
  top: number;
  left: number;
  outH: number;
  outW: number;
}

/** Puts PyTorch's [out, in, k, k] in the order in which conv.wgsl reads: [k, k, in, out]. */
export function packConv(
  weight: Float32Array,
  out: number,
  inputs: number,
  k: number,
): Float32Array<ArrayBuffer> {
  const packed = new Float32Array(weight.length);
  for (let o = 0; o < out; o++) {
    for (let c = 0; c < inputs; c++) {
      for (let t = 0; t < k * k; t++) {
        packed[(t * inputs + c) * out + o] = weight[(o * inputs + c) * k * k + t];
      }
    }
  }
  return packed;
}

/**
 * act(conv2d(x, weight) + bias): x [B, H, W, C], weight [k, k, C, O] from {@linkcode packConv}, bias [O] →
 * [B, outH, outW, O].
 *
 * @throws {RangeError} where O is no multiple of 4, or the weight is not for C channels
 */
export function conv(
  gpu: Gpu,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  window: Window,
  act: Activation,
): Tensor {
  const [B, H, W, C] = x.shape;
  const [K, , inputs, outC] = weight.shape;
  const { stride, top, left, outH, outW } = window;
  if (outC % 4 !== 0) throw new RangeError(`Expected a multiple of 4 output channels, but found ${outC}`);
  if (inputs !== C) throw new RangeError(`Expected a weight for ${C} channels, but found [${weight.shape}]`);
  const y = gpu.empty([B, outH, outW, outC], "a convolution's output");
  gpu.stream.dispatch(
    CONV,
    { x, weight, bias, y },
    { H, W, C, outH, outW, outC4: outC / 4, K, stride, top, left, act: ACTIVATIONS[act] },
    [Math.ceil(Math.ceil(outW / 4) * outC / 4 / 64), outH, B],
  );
  return y;
}
