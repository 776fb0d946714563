/**
 * Host side of pool.wgsl: average pooling of score maps and the reduction of a map to one number an image, always
 * in the same order, whatever the batch. Networks pool with pool2d.ts.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./pool.wgsl" with { type: "text" };

const AVERAGE = { name: "average pool", source, entry: "average" };
const REDUCTIONS = {
  max: { name: "maximum", source, entry: "maximum" },
  mean: { name: "total", source, entry: "total" },
  sum: { name: "total", source, entry: "total" },
};
const RADIX = 64; // values a thread reduces in one run

/**
 * torch.nn.functional.avg_pool2d(x, size, stride=1): x [B, H, W] → [B, H − size + 1, W − size + 1], one axis after
 * the other.
 *
 * @throws {RangeError} where the window is larger than the map
 */
export function averagePool(gpu: Compute, x: Tensor, size: number): Tensor {
  const [B, H, W] = x.shape;
  const outH = H - size + 1, outW = W - size + 1;
  if (outH < 1 || outW < 1) {
    throw new RangeError(`Expected maps of at least ${size}×${size}, but found ${H}×${W}`);
  }
  const rest = { size, n: 0, parts: 0, scale: 1 };
  const rows = gpu.empty([B, H, outW], "pooled rows");
  const y = gpu.empty([B, outH, outW], "pooled maps");
  const across = { inH: H, inW: W, outH: H, outW, step: 1, ...rest };
  gpu.stream.dispatch(AVERAGE, { x, y: rows }, across, [Math.ceil(outW / 64), H, B]);
  const down = { inH: H, inW: outW, outH, outW, step: outW, ...rest };
  gpu.stream.dispatch(AVERAGE, { x: rows, y }, down, [Math.ceil(outW / 64), outH, B]);
  gpu.release(rows);
  return y;
}

/** The largest value, the mean or the sum of each image: x [B, …] → [B]. */
export function reduceImages(gpu: Compute, x: Tensor, how: keyof typeof REDUCTIONS): Tensor {
  const B = x.shape[0], count = x.size / B;
  let values = x, n = count;
  do {
    const parts = Math.ceil(n / RADIX);
    const y = gpu.empty(parts === 1 ? [B] : [B, parts], "reduced maps");
    const scale = how === "mean" && parts === 1 ? 1 / count : 1;
    const params = { inH: 0, inW: 0, outH: 0, outW: 0, size: 0, step: 0, n, parts, scale };
    gpu.stream.dispatch(REDUCTIONS[how], { x: values, y }, params, [Math.ceil(parts / 64), B]);
    if (values !== x) gpu.release(values);
    values = y;
    n = parts;
  } while (n > 1);
  return values;
}
