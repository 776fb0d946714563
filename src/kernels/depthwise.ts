/**
 * Host side of depthwise.wgsl: one k×k filter a channel over NHWC maps, with the bias and SiLU that follow it in
 * every MBConv block.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Window } from "./conv.ts";
import source from "./depthwise.wgsl" with { type: "text" };

const COLUMNS = 4; // pixels a thread

/** Puts PyTorch's [C, 1, k, k] in the order in which depthwise.wgsl reads: [k, k, C]. */
export function packDepthwise(weight: Float32Array, C: number, k: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(weight, (_, i) => weight[(i % C) * k * k + Math.floor(i / C)]);
}

/**
 * silu(depthwise(x, weight) + bias): x [B, H, W, C], weight [k, k, C] from {@linkcode packDepthwise}, bias [C] →
 * [B, outH, outW, C].
 *
 * @throws {RangeError} where C is no multiple of 4, or the weight is not for C channels
 */
export function depthwise(gpu: Gpu, x: Tensor, weight: Tensor, bias: Tensor, window: Window): Tensor {
  const [B, H, W, C] = x.shape;
  const [K, , channels] = weight.shape;
  const { stride, top, left, outH, outW } = window;
  if (C % 4 !== 0) throw new RangeError(`Expected a multiple of 4 channels, but found ${C}`);
  if (channels !== C) {
    throw new RangeError(`Expected a weight for ${C} channels, but found [${weight.shape}]`);
  }
  const y = gpu.empty([B, outH, outW, C], "a depthwise convolution's output");
  gpu.stream.dispatch(
    depthwiseKernel(K, stride),
    { x, weight, bias, y },
    { H, W, C4: C / 4, outH, outW, top, left },
    [Math.ceil(Math.ceil(outW / COLUMNS) * C / 4 / 64), outH, B],
  );
  return y;
}

const kernels = new Map<string, Kernel>();

/** The kernel for one size and stride; its text is made once. */
function depthwiseKernel(K: number, STRIDE: number): Kernel {
  const name = `depthwise ${K}x${K}/${STRIDE}`;
  let kernel = kernels.get(name);
  if (!kernel) {
    const code = straightLine(K, STRIDE);
    const text = source.replace(/\/\/ @generate (\w+)/g, (_, part: keyof typeof code) => code[part]);
    kernel = { name, source: text, entry: "depthwise", constants: { K, STRIDE, COLUMNS } };
    kernels.set(name, kernel);
  }
  return kernel;
}

/** One row of taps: every value and weight under the COLUMNS windows is loaded once. */
function straightLine(K: number, stride: number) {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const pixels = range(COLUMNS);
  return {
    declare: pixels.map((j) => `var y${j} = bias[c];`).join("\n"),
    taps: [
      ...range(K).map((q) => `let w${q} = weight[(p * K + ${q}u) * params.C4 + c];`),
      ...range((COLUMNS - 1) * stride + K).map((q) => `let x${q} = load(row, left + ${q}u, c);`),
      ...range(K).flatMap((q) => pixels.map((j) => `y${j} += w${q} * x${j * stride + q};`)),
    ].join("\n"),
    finish: pixels.map((j) => `store(out, first + ${j}u, c, y${j});`).join("\n"),
  };
}
