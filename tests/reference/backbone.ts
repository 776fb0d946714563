/**
 * The backbone's ops as plain loops in float64: they are the specification of the kernels. Maps are NHWC.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Window } from "../../src/kernels/conv/geometry.ts";
import type { EfficientNetWeights } from "../../src/model/efficientnet.ts";
import type { FoldedConv } from "../../src/model/fold.ts";
import { convolve } from "./conv.ts";

/** ‖found − wanted‖₂ / ‖wanted‖₂; NaN where anything is not a number. */
export function relativeL2(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  assert.equal(found.length, wanted.length);
  let error = 0, norm = 0;
  for (let i = 0; i < wanted.length; i++) {
    error += (found[i] - wanted[i]) ** 2;
    norm += wanted[i] ** 2;
  }
  return Math.sqrt(error / norm);
}

/** Fails where the relative L2 distance exceeds `tolerance` or is not a number. */
export function assertClose(
  found: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
  what = "Results:",
): void {
  const distance = relativeL2(found, wanted);
  assert.ok(distance <= tolerance, `${what} relative L2 distance ${distance} exceeds ${tolerance}`);
}

/** What may follow a convolution. */
export const activations = {
  none: (v: number): number => v,
  relu: (v: number): number => Math.max(v, 0),
  relu6: (v: number): number => Math.min(Math.max(v, 0), 6),
  silu: (v: number): number => v / (1 + Math.exp(-v)),
  sigmoid: (v: number): number => 1 / (1 + Math.exp(-v)),
  tanh: Math.tanh,
  elu: (v: number): number => v > 0 ? v : Math.expm1(v),
  softplus: (v: number): number => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
  leaky: (v: number): number => v > 0 ? v : 0.1 * v,
};

/** Derivatives of {@linkcode activations} at z. */
export const derivatives: Record<keyof typeof activations, (z: number) => number> = {
  none: () => 1,
  relu: (z) => z > 0 ? 1 : 0,
  relu6: (z) => z > 0 && z < 6 ? 1 : 0,
  silu: (z) => activations.sigmoid(z) * (1 + z * (1 - activations.sigmoid(z))),
  sigmoid: (z) => activations.sigmoid(z) * (1 - activations.sigmoid(z)),
  tanh: (z) => 1 - Math.tanh(z) ** 2,
  elu: (z) => z > 0 ? 1 : Math.exp(z),
  softplus: (z) => 1 / (1 + Math.exp(-z)),
  leaky: (z) => z > 0 ? 1 : 0.1,
};

/** x [B, H, W, C], weight [O, C / groups, k, k] as PyTorch has it, bias [O] → [B, outH, outW, O]. Groups 1 or C. */
export function conv(
  x: ArrayLike<number>,
  [B, H, W, C]: readonly number[],
  weight: Float32Array,
  bias: Float32Array,
  k: number,
  window: Window,
  groups: number,
): Float64Array {
  return convolve(x, weight, bias, { B, H, W, C, O: bias.length, k, groups, ...window });
}

/** Bilinear with aligned corners: x [B, h, w, C] → [B, H, W, C]. */
export function resize(
  x: ArrayLike<number>,
  [B, h, w, C]: readonly number[],
  H: number,
  W: number,
): Float64Array {
  const y = new Float64Array(B * H * W * C);
  const source = (i: number, n: number, out: number) => {
    const s = out > 1 ? i * (n - 1) / (out - 1) : 0;
    const low = Math.min(Math.floor(s), n - 1);
    return { low, high: Math.min(low + 1, n - 1), f: s - low };
  };
  let at = 0;
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < H; i++) {
      for (let j = 0; j < W; j++) {
        for (let c = 0; c < C; c++) {
          const r = source(i, h, H), s = source(j, w, W);
          const pixel = (row: number, column: number) => x[((b * h + row) * w + column) * C + c];
          y[at++] = (1 - r.f) * ((1 - s.f) * pixel(r.low, s.low) + s.f * pixel(r.low, s.high)) +
            r.f * ((1 - s.f) * pixel(r.high, s.low) + s.f * pixel(r.high, s.high));
        }
      }
    }
  }
  return y;
}

/** Means over k×k windows, stride 1, no padding: x [B, H, W]. */
export function averagePool(x: ArrayLike<number>, [B, H, W]: readonly number[], k: number): Float64Array {
  const outH = H - k + 1, outW = W - k + 1;
  const y = new Float64Array(B * outH * outW);
  let at = 0;
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < outH; i++) {
      for (let j = 0; j < outW; j++, at++) {
        for (let p = 0; p < k; p++) {
          for (let q = 0; q < k; q++) y[at] += x[(b * H + i + p) * W + j + q] / (k * k);
        }
      }
    }
  }
  return y;
}

/** Maxima over k×k windows of what is there: x [B, H, W, C] → [B, outH, outW, C]. */
export function maxPool(
  x: ArrayLike<number>,
  [B, H, W, C]: readonly number[],
  k: number,
  { stride, top, left, outH, outW }: Window,
): number[] {
  const y: number[] = [];
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < outH; i++) {
      for (let j = 0; j < outW; j++) {
        for (let c = 0; c < C; c++) {
          let largest = -Infinity;
          for (let p = 0; p < k; p++) {
            for (let q = 0; q < k; q++) {
              const row = i * stride + p - top, column = j * stride + q - left;
              if (row < 0 || row >= H || column < 0 || column >= W) continue;
              largest = Math.max(largest, x[((b * H + row) * W + column) * C + c]);
            }
          }
          y.push(largest);
        }
      }
    }
  }
  return y;
}

/** Means over positions: x [B, positions, C] → [B, C]. */
export function positionMean(x: ArrayLike<number>, [B, positions, C]: readonly number[]): Float64Array {
  const y = new Float64Array(B * C);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < positions; i++) {
      for (let c = 0; c < C; c++) y[b * C + c] += x[(b * positions + i) * C + c] / positions;
    }
  }
  return y;
}

/** Tensors of a safetensors file in tests/golden, by name: F32 and U8. */
export function readGolden(
  name: string,
): Record<string, Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>> {
  const file = Deno.readFileSync(new URL(`../golden/${name}`, import.meta.url));
  const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  delete header.__metadata__;
  return Object.fromEntries(
    Object.entries<{ dtype: string; data_offsets: [number, number] }>(header).map(([name, entry]) => {
      const [from, to] = entry.data_offsets;
      const bytes = file.slice(start + from, start + to);
      return [name, entry.dtype === "F32" ? new Float32Array(bytes.buffer) : bytes];
    }),
  );
}

/**
 * The taps of an EfficientNet (docs/method.md §2) of images [B, S, S, 3], with an own reading of the paddings.
 *
 * @param stored what becomes of values that lie in memory between layers, weights among them
 */
export function efficientNetTaps(
  { padding, act, taps: tapped, stem, blocks }: EfficientNetWeights,
  images: Float32Array,
  B: number,
  S: number,
  stored: (v: number) => number = (v) => v,
): { shape: number[]; values: Float64Array }[] {
  const { none, silu, sigmoid } = activations, after = activations[act as keyof typeof activations];
  let shape = [B, S, S, 3];
  let nominal = typeof padding === "number" ? padding : 0; // what the side would be
  const axis = (input: number, k: number, stride: number) => {
    const size = typeof padding === "number" ? nominal : input;
    const same = Math.max((Math.ceil(size / stride) - 1) * stride + k - size, 0);
    const [before, total] = padding === "symmetric" ? [k >> 1, k - 1] : [same >> 1, same];
    return { before, out: Math.floor((input + total - k) / stride) + 1 };
  };
  const apply = (
    x: ArrayLike<number>,
    layer: FoldedConv,
    stride: number,
    act: (v: number) => number,
    groups = 1,
  ) => {
    const rows = axis(shape[1], layer.kernel, stride), columns = axis(shape[2], layer.kernel, stride);
    const window = { stride, top: rows.before, left: columns.before, outH: rows.out, outW: columns.out };
    const [weight, bias] = [layer.weight, layer.bias].map((values) => values.map(stored));
    const y = conv(x, shape, weight, bias, layer.kernel, window, groups).map(act);
    shape = [B, window.outH, window.outW, layer.out];
    nominal = Math.ceil(nominal / stride);
    return y;
  };
  const taps: { shape: number[]; values: Float64Array }[] = [];
  let x = apply(images.map(stored), stem, 2, after).map(stored);
  blocks.forEach((block, i) => {
    let y = block.expand ? apply(x, block.expand, 1, after).map(stored) : x;
    y = apply(y, block.depthwise, block.stride, after, block.depthwise.out);
    let gates: Float64Array | null = null;
    if (block.reduce && block.excite) { // means are those of sums, before these are stored
      const maps = shape, C = shape[3], positions = shape[1] * shape[2];
      shape = [B, 1, 1, C];
      const squeezed = apply(positionMean(y, [B, positions, C]).map(stored), block.reduce, 1, silu);
      gates = apply(squeezed.map(stored), block.excite, 1, sigmoid).map(stored);
      shape = maps;
    }
    y = y.map(stored);
    if (gates) {
      const [, H, W, C] = shape;
      y = y.map((v, at) => v * gates[Math.floor(at / (H * W * C)) * C + at % C]);
    }
    y = apply(y, block.project, 1, none);
    x = (block.skip ? y.map((v, at) => v + x[at]) : y).map(stored);
    const last = blocks[i + 1]?.stage !== block.stage;
    if (last && tapped.includes(block.stage)) taps.push({ shape, values: x });
  });
  return taps;
}
