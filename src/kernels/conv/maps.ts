/**
 * What torch.nn.Conv2d and torch.nn.ConvTranspose2d are made of, over NHWC maps: a convolution, its input's gradient, which
 * is the transposed convolution, and its weight's.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { axisOf, transposedAxes } from "./axis.ts";
import { correlate, type Ending } from "./correlate.ts";
import type { Geometry } from "./geometry.ts";
import { packFilters } from "./pack_filters.ts";

/** y [B, outH, outW, O] = act(conv2d(x [B, H, W, C], weight [O, C, k, k]) + bias [O]), or added to what is there. */
export function convolve(
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  y: Tensor,
  g: Geometry,
  ending?: Ending,
): void {
  const axes = [axisOf(g.outH, g), axisOf(g.outW, g)] as const,
    filters = packFilters(gpu, weight, bias, axes);
  correlate(gpu, x, filters, y, axes, ending);
  gpu.release(filters.values);
}

/**
 * y [B, H, W, C] = act(convTranspose2d(x [B, outH, outW, O], weight [O, C, k, k]) + bias [C]), or added to what is there.
 * Without these the gradient of {@linkcode convolve}'s x from that of its result.
 */
export function convolveTransposed(
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  y: Tensor,
  g: Geometry,
  ending?: Ending,
): void {
  for (const lines of transposedAxes(g.H, g)) {
    for (const columns of transposedAxes(g.W, g)) {
      const filters = packFilters(gpu, weight, bias, [lines, columns], true);
      correlate(gpu, x, filters, y, [lines, columns], ending);
      gpu.release(filters.values);
    }
  }
}
