/**
 * Host side of pool2d.wgsl: maxima and means over square windows of maps [B, H, W, C], and their gradients.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { AnyTensor, Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import type { Window } from "./conv.ts";
import source from "./pool2d.wgsl" with { type: "text" };

const TEXTS = { 1: elementText(1) + source, 4: elementText(4) + source };

/** Maxima over `size`×`size` windows of what is there (torch.nn.functional.max_pool2d) → [B, outH, outW, C]. */
export function maxPool(gpu: Compute, x: Tensor, size: number, window: Window): Tensor {
  const y = pooled(gpu, x, window);
  launch(gpu, "max_pool", { x, y }, x, y, size, window);
  return y;
}

/** The same, and which of a window's values each is: the number of its tap. */
export function maxPoolTaps(
  gpu: Compute,
  x: Tensor,
  size: number,
  window: Window,
): { y: Tensor; taps: Tensor<"u32"> } {
  const y = pooled(gpu, x, window), taps = gpu.empty(y.shape, "places of maxima", "u32");
  launch(gpu, "max_pool_taps", { x, y, taps }, x, y, size, window);
  return { y, taps };
}

/** The gradient of {@linkcode maxPoolTaps}'s x, written or added. */
export function maxPoolBackward(
  gpu: Compute,
  dy: Tensor,
  taps: Tensor<"u32">,
  dx: Tensor,
  add: boolean,
  size: number,
  window: Window,
): void {
  launch(gpu, "max_pool_gradient", { dy, chosen: taps, dx }, dx, dx, size, window, add);
}

/** Means over `size`×`size` windows, of zeros too where they reach out of x (avg_pool2d) → [B, outH, outW, C]. */
export function meanPool(gpu: Compute, x: Tensor, size: number, window: Window): Tensor {
  const y = pooled(gpu, x, window);
  launch(gpu, "mean_pool", { x, y }, x, y, size, window);
  return y;
}

/** The gradient of {@linkcode meanPool}'s x, written or added. */
export function meanPoolBackward(
  gpu: Compute,
  dy: Tensor,
  dx: Tensor,
  add: boolean,
  size: number,
  window: Window,
): void {
  launch(gpu, "mean_pool_gradient", { dy, dx }, dx, dx, size, window, add);
}

const pooled = (gpu: Compute, x: Tensor, { outH, outW }: Window): Tensor =>
  gpu.empty([x.shape[0], outH, outW, x.shape[3]], "pooled maps");

/** @param x the maps, or their gradient. @param result what has a thread for each of its Elements */
function launch(
  gpu: Compute,
  entry: string,
  tensors: Record<string, AnyTensor>,
  x: Tensor,
  result: Tensor,
  K: number,
  window: Window,
  add = false,
): void {
  const [B, H, W, channels] = x.shape, width = channels % 4 === 0 ? 4 : 1, C = channels / width;
  const kernel = { name: `pool${width === 4 ? " vec4" : ""}`, source: TEXTS[width], entry };
  const params = { H, W, C, K, ...window, scale: 1 / K ** 2, add: add ? 1 : 0 };
  const [, rows, columns] = result.shape;
  gpu.stream.dispatch(kernel, tensors, params, [Math.ceil(columns * C / 64), rows, B]);
}
