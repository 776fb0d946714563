/**
 * Host side of blur.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./blur.wgsl" with { type: "text" };

const BLUR = { name: "blur", source, entry: "blur" };
const TRUNCATE = 4; // standard deviations to each side

/** The weights of a Gaussian of that standard deviation, cut off at four of them; they add up to 1. */
export function bell(sigma: number): Float64Array<ArrayBuffer> {
  const radius = Math.floor(TRUNCATE * sigma + 0.5);
  const weights = Float64Array.from(
    { length: 2 * radius + 1 },
    (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const total = weights.reduce((a, b) => a + b);
  return weights.map((v) => v / total);
}

/** scipy.ndimage.gaussian_filter(x[b], sigma, mode="reflect", truncate=4) of each map: x [B, H, W] → [B, H, W]. */
export function gaussianBlur(gpu: Compute, x: Tensor, sigma: number): Tensor {
  const [B, H, W] = x.shape, values = bell(sigma), radius = (values.length - 1) / 2;
  const weights = gpu.tensor(values);
  const half = gpu.empty(x.shape, "smoothed maps"), y = gpu.empty(x.shape, "smoothed maps");
  const grid = [Math.ceil(W / 64), H, B] as const;
  gpu.stream.dispatch(BLUR, { x, weights, y: half }, { H, W, radius, down: 1 }, grid);
  gpu.stream.dispatch(BLUR, { x: half, weights, y }, { H, W, radius, down: 0 }, grid);
  gpu.release(half);
  gpu.release(weights);
  return y;
}
