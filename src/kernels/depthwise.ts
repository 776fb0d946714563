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
import { positionMean } from "./se.ts";
import source from "./depthwise.wgsl" with { type: "text" };

const COLUMNS = 4; // pixels a thread, times ROWS

/**
 * Rows of pixels a thread. Hardware gains by more threads, software adapters by fewer loads, for which they compile
 * longer: 8 rows spare 5×5/1 a third of its time, and the others nothing (llvmpipe, 2026-11).
 */
function rowsOf(gpu: Gpu, K: number, stride: number): number {
  if (!gpu.info.software) return 1;
  return K === 5 && stride === 1 ? 8 : 4;
}

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
  return filter(gpu, x, weight, bias, window, null);
}

/** {@linkcode depthwise} and the means over the result's positions, [B, C], without reading it again. */
export function depthwiseMean(
  gpu: Gpu,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  window: Window,
): { y: Tensor; mean: Tensor } {
  const [B, , , C] = x.shape, { outH, outW, stride } = window;
  const rows = rowsOf(gpu, weight.shape[0], stride);
  const sums = gpu.empty([B, Math.ceil(outH / rows), Math.ceil(outW / COLUMNS), C], "sums of tiles");
  const y = filter(gpu, x, weight, bias, window, sums);
  const mean = positionMean(gpu, sums, outH * outW);
  gpu.release(sums);
  return { y, mean };
}

function filter(
  gpu: Gpu,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  { stride, top, left, outH, outW }: Window,
  sums: Tensor | null,
): Tensor {
  const [B, H, W, C] = x.shape;
  const [K, , channels] = weight.shape;
  if (C % 4 !== 0) throw new RangeError(`Expected a multiple of 4 channels, but found ${C}`);
  if (channels !== C) {
    throw new RangeError(`Expected a weight for ${C} channels, but found [${weight.shape}]`);
  }
  const y = gpu.empty([B, outH, outW, C], "a depthwise convolution's output");
  const rows = rowsOf(gpu, K, stride);
  gpu.stream.dispatch(
    depthwiseKernel(K, stride, rows, sums !== null),
    { x, weight, bias, y, ...(sums && { sums }) },
    { H, W, C4: C / 4, outH, outW, top, left },
    [Math.ceil(Math.ceil(outW / COLUMNS) * C / 4 / 64), Math.ceil(outH / rows), B],
  );
  return y;
}

const kernels = new Map<string, Kernel>();

/** The kernel for one size and stride; its text is made once. */
function depthwiseKernel(K: number, STRIDE: number, ROWS: number, sums: boolean): Kernel {
  const name = `depthwise ${K}x${K}/${STRIDE}${sums ? " and sums" : ""}`;
  const key = `${name} ${ROWS}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    const code = straightLine(K, STRIDE, ROWS, sums);
    const text = source.replace(/\/\/ @generate (\w+)/g, (_, part: keyof typeof code) => code[part]);
    kernel = { name, source: text, entry: "depthwise", constants: { STRIDE, ROWS, COLUMNS } };
    kernels.set(key, kernel);
  }
  return kernel;
}

/** Every value under the windows and every weight is loaded once, one row of values at a time. */
function straightLine(K: number, stride: number, rows: number, sums: boolean) {
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  const pixels = range(rows).flatMap((i) => range(COLUMNS).map((j) => [i, j]));
  const taps = range(K).flatMap((p) => range(K).map((q) => [p, q]));
  return {
    sums: sums ? "@group(0) @binding(4) var<storage, read_write> sums: array<vec4f>;" : "",
    filter: [
      ...taps.map(([p, q]) => `let w${p}_${q} = weight[${p * K + q}u * params.C4 + c];`),
      "let b = bias[c];",
      ...pixels.map(([i, j]) => `var y${i}_${j} = b;`),
      ...range((rows - 1) * stride + K).flatMap((r) => [
        ...range((COLUMNS - 1) * stride + K).map((q) =>
          `let x${r}_${q} = load(image, top + ${r}u, left + ${q}u, c);`
        ),
        ...taps.flatMap(([p, q]) =>
          pixels.filter(([i]) => i * stride + p === r)
            .map(([i, j]) => `y${i}_${j} += w${p}_${q} * x${r}_${j * stride + q};`)
        ),
      ]),
    ].join("\n"),
    finish: [
      ...pixels.map(([i, j]) => `let v${i}_${j} = store(image, row + ${i}u, column + ${j}u, c, y${i}_${j});`),
      sums
        ? "let tile = (image * ((params.outH + ROWS - 1u) / ROWS) + id.y) * ((params.outW + COLUMNS - 1u) / COLUMNS) + column / COLUMNS;\n" +
          `sums[tile * params.C4 + c] = ${pixels.map(([i, j]) => `v${i}_${j}`).join(" + ")};`
        : "",
    ].join("\n"),
  };
}
