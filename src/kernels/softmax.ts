/**
 * Host side of softmax.wgsl.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type Dropout, dropoutParams, rowKernel } from "./element.ts";
import source from "./softmax.wgsl" with { type: "text" };

/**
 * x [rows, columns] becomes its softmax over the columns, in place. With a dropout, the weights that are dropped get a
 * minus sign: gemm's `rectify` takes only the others.
 *
 * @param first the position of x's first value in a larger tensor of which it is a part
 */
export function softmax(gpu: Gpu, x: Tensor, drop?: Dropout, first = 0): void {
  launch(gpu, "forward", { x }, drop, first);
}

/** x, the gradient of the dropped softmax y, becomes that of the softmax's argument, in place. */
export function softmaxBackward(gpu: Gpu, x: Tensor, y: Tensor, drop?: Dropout): void {
  launch(gpu, "backward", { x, y }, drop);
}

function launch(
  gpu: Gpu,
  entry: string,
  tensors: { x: Tensor; y?: Tensor },
  drop?: Dropout,
  first = 0,
): void {
  const { shape, size } = tensors.x;
  const columns = shape[shape.length - 1], rows = size / columns;
  const { kernel, width, grid } = rowKernel(gpu, source, "softmax", entry, columns);
  const [across, down] = grid(rows);
  const params = { rows, columns: columns / width, first: first / width, across, ...dropoutParams(drop) };
  gpu.stream.dispatch(kernel, tensors as Record<string, Tensor>, params, [across, down]);
}
