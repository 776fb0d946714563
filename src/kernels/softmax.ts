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
  const columns = x.shape[x.shape.length - 1], rows = x.size / columns;
  const { kernel, width, grid } = rowKernel(gpu, source, "softmax", "forward", columns);
  const [across, down] = grid(rows);
  const { seed, threshold } = dropoutParams(drop);
  const params = { rows, columns: columns / width, first: first / width, across, seed, threshold };
  gpu.stream.dispatch(kernel, { x }, params, [across, down]);
}
