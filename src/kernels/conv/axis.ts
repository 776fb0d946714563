/**
 * Which values of x the values of a convolution's result are made of, along one axis: the same for convolutions, for
 * transposed ones and for gradients of inputs, whose results with one remainder by the stride are such a convolution each.
 *
 * @module
 */
import type { Geometry } from "./geometry.ts";

/**
 * Results at `at`, `at + every`, … see x at i·stride + from + v·apart for v below `taps`, i counting them; the weight of
 * v is that of tap first + v·step.
 */
export interface Axis {
  count: number;
  at: number;
  every: number;
  stride: number;
  from: number;
  apart: number;
  taps: number;
  first: number;
  step: number;
}

/** Of windows of k taps, `before` of them over zeros before x. */
export function windowAxis(count: number, k: number, stride: number, before: number): Axis {
  return axisOf(count, { k, stride, padding: before, dilation: 1 });
}

type Windows = Pick<Geometry, "k" | "stride" | "padding" | "dilation">;

/** Of a convolution with `count` results. */
export function axisOf(count: number, { k, stride, padding, dilation }: Windows): Axis {
  return { count, at: 0, every: 1, stride, from: -padding, apart: dilation, taps: k, first: 0, step: 1 };
}

/**
 * Of its gradient of x, or the transposed convolution, with `size` results: x[n] meets the windows w and taps t with
 * n + padding = w·stride + t·dilation.
 */
export function transposedAxes(size: number, { k, stride, padding, dilation }: Windows): Axis[] {
  const step = dilation % stride === 0 ? 1 : stride, apart = step * dilation / stride;
  return Array.from({ length: Math.min(stride, size) }, (_, at) => {
    const meeting = Array.from({ length: k }, (_, t) => t)
      .filter((t) => (at + padding - t * dilation) % stride === 0); // 0 or −0
    const taps = meeting.length, last = meeting[taps - 1] ?? 0;
    return {
      count: Math.ceil((size - at) / stride),
      at,
      every: stride,
      stride: 1,
      from: taps === 0 ? 0 : (at + padding - last * dilation) / stride, // the furthest tap meets the first window
      apart,
      taps,
      first: last,
      step: -step,
    };
  });
}
