/**
 * Host side of reduce.wgsl: the reduction of a map to one number an image, always in the same order, whatever the batch.
 * Networks pool with pool2d.ts.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./reduce.wgsl" with { type: "text" };

const REDUCTIONS = {
  max: { name: "maximum", source, entry: "maximum" },
  mean: { name: "total", source, entry: "total" },
  sum: { name: "total", source, entry: "total" },
};
const RADIX = 64; // values a thread reduces in one run

/** The largest value, the mean or the sum of each image: x [B, …] → [B]. */
export function reduceImages(gpu: Compute, x: Tensor, how: keyof typeof REDUCTIONS): Tensor {
  const B = x.shape[0], count = x.size / B;
  let values = x, n = count;
  do {
    const parts = Math.ceil(n / RADIX);
    const y = gpu.empty(parts === 1 ? [B] : [B, parts], "reduced maps");
    const scale = how === "mean" && parts === 1 ? 1 / count : 1;
    gpu.stream.dispatch(REDUCTIONS[how], { x: values, y }, { n, parts, scale }, [Math.ceil(parts / 64), B]);
    if (values !== x) gpu.release(values);
    values = y;
    n = parts;
  } while (n > 1);
  return values;
}
