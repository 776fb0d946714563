/**
 * Pooling of NHWC maps over k×k windows (torch.nn.functional.max_pool2d, avg_pool2d) and its gradients as plain loops in float64.
 *
 * @module
 */
import { make, type Values } from "./training.ts";

/** Windows over maps [B, H, W, C]. */
export interface PoolSizes {
  B: number;
  H: number;
  W: number;
  C: number;
  k: number;
  stride?: number;
  padding?: number;
}

/** The shape of what is pooled. */
export function pooledShape({ B, H, W, C, k, stride = k, padding = 0 }: PoolSizes): number[] {
  const out = (n: number) => Math.floor((n + 2 * padding - k) / stride) + 1;
  return [B, out(H), out(W), C];
}

/** Of each value of the result, which values of x are in its window, in the order of its taps. */
function windows(s: PoolSizes): number[][] {
  const { H, W, C, k, stride = k, padding = 0 } = s, [B, outH, outW] = pooledShape(s), all: number[][] = [];
  for (let at = 0; at < B * outH * outW * C; at++) {
    const c = at % C, j = Math.floor(at / C) % outW, i = Math.floor(at / C / outW) % outH;
    const b = Math.floor(at / C / outW / outH), inside: number[] = [];
    for (let p = 0; p < k; p++) {
      for (let q = 0; q < k; q++) {
        const row = i * stride + p - padding, column = j * stride + q - padding;
        if (row < 0 || row >= H || column < 0 || column >= W) continue;
        inside.push(((b * H + row) * W + column) * C + c);
      }
    }
    all.push(inside);
  }
  return all;
}

const firstLargest = (x: Values, inside: number[]): number => inside.reduce((a, b) => x[b] > x[a] ? b : a);

/** Maxima. */
export function maxPool(x: Values, s: PoolSizes): Float64Array {
  return Float64Array.from(windows(s), (inside) => x[firstLargest(x, inside)]);
}

/** The gradient of x: all of a window's goes to the first of its largest values. */
export function maxPoolBackward(dy: Values, x: Values, s: PoolSizes): Float64Array {
  const dx = new Float64Array(x.length);
  windows(s).forEach((inside, at) => dx[firstLargest(x, inside)] += dy[at]);
  return dx;
}

/** Means, of zeros too where a window reaches out of the map. */
export function averagePool(x: Values, s: PoolSizes): Float64Array {
  return Float64Array.from(windows(s), (inside) => inside.reduce((sum, i) => sum + x[i], 0) / s.k ** 2);
}

/** The gradient of x. */
export function averagePoolBackward(dy: Values, s: PoolSizes): Float64Array {
  const dx = new Float64Array(s.B * s.H * s.W * s.C);
  windows(s).forEach((inside, at) => inside.forEach((i) => dx[i] += dy[at] / s.k ** 2));
  return dx;
}

/** The gradient of the mean over the positions of x [B, N, C], from dy [B, C]. */
export function positionMeanBackward(dy: Values, [B, N, C]: readonly number[]): Float64Array {
  return make(B * N * C, (i) => dy[Math.floor(i / (N * C)) * C + i % C] / N);
}
