/**
 * Host side of pool2d.wgsl: maxima and means over square windows of maps [B, H, W, C], and their gradients.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { AnyTensor, FloatTensor, FloatType, Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import type { Window } from "./geometry.ts";
import source from "./pool2d.wgsl" with { type: "text" };

const MOST_ROWS = 3; // of neighbours that a thread of a gradient has

/** Maxima over `size`×`size` windows of what is there (torch.nn.functional.max_pool2d) → [B, outH, outW, C]. */
export function maxPool<T extends FloatType>(
  gpu: Compute,
  x: Tensor<T>,
  size: number,
  window: Window,
): Tensor<T> {
  const y = pooled(gpu, x, window);
  launch(gpu, "max_pool", { x, y }, x, size, window);
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
  launch(gpu, "max_pool_taps", { x, y, taps }, x, size, window);
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
  launch(gpu, "max_pool_gradient", { dy, chosen: taps, dx }, dx, size, window, { add });
}

/** Means over `size`×`size` windows, of zeros too where they reach out of x (avg_pool2d) → [B, outH, outW, C]. */
export function meanPool(gpu: Compute, x: Tensor, size: number, window: Window): Tensor {
  const y = pooled(gpu, x, window);
  launch(gpu, "mean_pool", { x, y }, x, size, window);
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
  launch(gpu, "mean_pool_gradient", { dy, dx }, dx, size, window, { add });
}

const pooled = <T extends FloatType>(gpu: Compute, x: Tensor<T>, { outH, outW }: Window): Tensor<T> =>
  gpu.empty([x.shape[0], outH, outW, x.shape[3]], "pooled maps", x.dtype);

/** @param x the maps, or their gradient */
function launch(
  gpu: Compute,
  entry: string,
  tensors: Record<string, AnyTensor>,
  x: FloatTensor,
  K: number,
  { stride, top, left, outH, outW }: Window,
  gradient?: { add: boolean },
): void {
  const [B, H, W, channels] = x.shape, width = channels % 4 === 0 ? 4 : 1, C = channels / width;
  const rows = stride <= MOST_ROWS ? stride : 1, tiles = Math.ceil((W + left) / stride);
  const params = { H, W, C, outH, outW, top, left, tiles, scale: 1 / K ** 2 };
  const [lines, columns] = gradient ? [Math.ceil((H + top) / rows), tiles] : [outH, outW];
  gpu.stream.dispatch(
    poolKernel(entry, K, stride, rows, width, gradient?.add ?? false, x.dtype),
    tensors,
    params,
    [
      Math.ceil(columns * C / 64),
      lines,
      B,
    ],
  );
}

const kernel = kernelTable();

/** The kernel for windows of one size and stride; its text is made once. */
function poolKernel(
  entry: string,
  K: number,
  STRIDE: number,
  ROWS: number,
  width: 1 | 4,
  ADD: boolean,
  dtype: FloatType,
): Kernel {
  const name = `pool ${K}x${K}/${STRIDE}${width === 4 ? " vec4" : ""}`;
  return kernel(`${name} ${entry} ${ADD} ${dtype}`, () => {
    const REACH = Math.ceil(K / STRIDE), constants = { K, STRIDE, ROWS, REACH, ADD };
    const counts = { q: K, p: ROWS, t: STRIDE, n: REACH, K, STRIDE };
    return { name, source: elementText(width, dtype) + each(source, counts, name), entry, constants };
  });
}
