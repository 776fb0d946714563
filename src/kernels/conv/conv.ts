/**
 * Host side of conv.wgsl: k×k convolution over NHWC maps. Meant for a network's stem, whose few input channels
 * leave nothing to tile; a 1×1 convolution is a {@linkcode gemm}.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { type Act, actConstants, actText } from "./act.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import source from "./conv.wgsl" with { type: "text" };

const COLUMNS = 8, FOURS = 4; // pixels a thread, and times four output channels

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
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  window: Window,
  act: Act,
): Tensor {
  const [B, H, W, C] = x.shape;
  const [K, , inputs, outC] = weight.shape;
  const { stride, top, left, outH, outW } = window;
  if (outC % 4 !== 0) throw new RangeError(`Expected a multiple of 4 output channels, but found ${outC}`);
  if (inputs !== C) throw new RangeError(`Expected a weight for ${C} channels, but found [${weight.shape}]`);
  const y = gpu.empty([B, outH, outW, outC], "a convolution's output");
  gpu.stream.dispatch(
    convKernel(K, stride, C, act),
    { x, weight, bias, y },
    { H, W, outH, outW, outC4: outC / 4, top, left },
    [Math.ceil(Math.ceil(outW / COLUMNS) * Math.ceil(outC / 4 / FOURS) / 64), outH, B],
  );
  return y;
}

const kernel = kernelTable();

/** The kernel for one window, stride, number of input channels and activation; its text is made once. */
function convKernel(K: number, STRIDE: number, C: number, act: Act): Kernel {
  const name = `conv ${K}x${K}x${C}/${STRIDE}`;
  const constants = { K, STRIDE, C, COLUMNS, FOURS, ...actConstants(act) };
  return kernel(`${name} ${JSON.stringify(act)}`, () => {
    const counts = { j: COLUMNS, o: FOURS, q: K, c: C, s: (COLUMNS - 1) * STRIDE + K, STRIDE };
    return {
      name,
      source: actText("vec4f") + each(source, counts, name),
      entry: "conv",
      constants,
    };
  });
}
