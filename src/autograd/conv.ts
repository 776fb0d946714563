/**
 * y = act(conv2d(x, W) + b): torch.nn.Conv2d over NHWC maps. With one group it is a matrix product of the filters and the
 * patches under every window; with a group a channel each has a filter of its own.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Act } from "../kernels/conv/act.ts";
import { activate, activateBackward } from "../kernels/conv/activation.ts";
import { filterInputGradient, filterMaps, filterWeightGradient } from "../kernels/conv/filter.ts";
import { type Geometry, geometryOf } from "../kernels/conv/geometry.ts";
import { fold, unfold } from "../kernels/conv/unfold.ts";
import { gemm } from "../kernels/dense/gemm.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import type { GradientSlot, Tape } from "./tape.ts";

/** Variations of {@linkcode conv}, as in torch.nn.Conv2d. */
export interface ConvOptions {
  /** 1 (default) or 2. */
  stride?: number;
  /** Zeros on every side. Default 0. */
  padding?: number;
  /** Distance of neighbouring taps. Default 1. */
  dilation?: number;
  /** 1 (default), or C: a filter a channel. */
  groups?: number;
  /** What follows. Default none. */
  act?: Act;
}

/**
 * Two-dimensional convolution.
 *
 * @param x [B, H, W, C]
 * @param weight [O, C / groups, k, k], as PyTorch has it, k from 1 to 7; O = C where groups = C
 * @param bias [O], or null for none
 * @returns [B, H', W', O], where H' = ⌊(H + 2 · padding − dilation · (k − 1) − 1) / stride⌋ + 1
 * @throws {RangeError} where the shapes do not fit, or the options are others than these
 */
export function conv(
  tape: Tape,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { groups = 1, act = "none", ...windows }: ConvOptions = {},
): Tensor {
  const { gpu } = tape, [B, H, W, C] = x.shape, [O, , k] = weight.shape, perGroup = C / groups;
  if (
    x.shape.length !== 4 || `${weight.shape}` !== `${[O, perGroup, k, k]}` || bias && bias.size !== O ||
    groups !== 1 && (groups !== C || O !== C)
  ) {
    throw new RangeError(
      `Expected maps [B, H, W, C], a weight [O, C / groups, k, k] and a bias [O], groups 1 or C = O, but found ` +
        `[${x.shape}], [${weight.shape}], ${bias ? `[${bias.shape}]` : "none"} and ${groups}`,
    );
  }
  const g = geometryOf([H, W], k, windows), parts = groups === 1 ? matrixProduct : filters;
  const z = gpu.empty([B, g.outH, g.outW, O], "a convolution's output");
  parts.forward(gpu, x, weight, bias, z, g);
  let y = z;
  if (act !== "none") {
    y = gpu.empty(z.shape, "an activation's output");
    activate(gpu, act, z, y);
    if (act !== "silu") gpu.release(z); // whose gradient alone looks at it
  }
  return tape.record("conv", y, bias ? [x, weight, bias] : [x, weight], (dy) => {
    let dz = dy;
    if (act !== "none") {
      dz = gpu.empty(dy.shape, "a gradient before an activation");
      activateBackward(gpu, act, dy, y, act === "silu" ? z : y, dz);
    }
    const dx = tape.into(x), dweight = tape.into(weight), dbias = bias && tape.into(bias);
    if (dx || dweight) parts.backward(gpu, dz, x, weight, dx, dweight, g);
    if (dbias) sumColumns(gpu, dz, dbias.tensor, { rows: dz.size / O, columns: O, accumulate: dbias.add });
    if (dz !== dy) gpu.release(dz);
  });
}

/** groups = C: a filter a channel. */
const filters = {
  forward: filterMaps,
  backward(
    gpu: Compute,
    dz: Tensor,
    x: Tensor,
    weight: Tensor,
    dx: GradientSlot | null,
    dweight: GradientSlot | null,
    g: Geometry,
  ): void {
    if (dweight) filterWeightGradient(gpu, dz, x, dweight.tensor, dweight.add, g);
    if (dx) filterInputGradient(gpu, dz, weight, dx.tensor, dx.add, g);
  },
};

/** groups = 1: patches [windows, k² · C] times the filters [O, k² · C], some windows at a time. */
const matrixProduct = {
  forward(gpu: Compute, x: Tensor, weight: Tensor, bias: Tensor | null, z: Tensor, g: Geometry): void {
    for (const { first, rows, N, K, layout: layoutC } of chunks(gpu, weight, z)) {
      const columns = gpu.empty([rows, K], "a convolution's patches");
      unfold(gpu, x, columns, first, g);
      gemm(gpu, {
        a: columns,
        b: weight,
        c: z,
        M: rows,
        N,
        K,
        transB: true,
        layoutC,
        bias: bias ?? undefined,
      });
      gpu.release(columns);
    }
  },
  backward(
    gpu: Compute,
    dz: Tensor,
    x: Tensor,
    weight: Tensor,
    dx: GradientSlot | null,
    dweight: GradientSlot | null,
    g: Geometry,
  ): void {
    for (const { first, rows, N, K, layout: layoutA } of chunks(gpu, weight, dz)) {
      const columns = gpu.empty([rows, K], "a convolution's patches");
      if (dweight) {
        unfold(gpu, x, columns, first, g);
        const beta = dweight.add || first > 0 ? 1 : 0;
        gemm(gpu, { a: dz, b: columns, c: dweight.tensor, M: N, N: K, K: rows, transA: true, layoutA, beta });
      }
      if (dx) { // over those of x
        gemm(gpu, { a: dz, b: weight, c: columns, M: rows, N: K, K: N, layoutA });
        fold(gpu, columns, dx.tensor, first, dx.add || first > 0, g);
      }
      gpu.release(columns);
    }
  },
};

/** The patches that are there at once take up to this many bytes: k² times as many as their map. */
const CHUNK_BYTES = 64 << 20;

/** The windows of a result [B, H', W', N] in parts, each with its place there. */
function chunks(gpu: Compute, weight: Tensor, z: Tensor) {
  const N = weight.shape[0], K = weight.size / N, M = z.size / N;
  const room = Math.min(gpu.limits.maxStorageBufferBindingSize, CHUNK_BYTES);
  const most = Math.max(1, Math.floor(room / (4 * K)));
  return Array.from({ length: Math.ceil(M / most) }, (_, i) => {
    const first = i * most, rows = Math.min(most, M - first);
    return { first, rows, N, K, layout: { ld: N, offset: first * N } };
  });
}
