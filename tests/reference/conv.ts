/**
 * Convolution of NHWC maps (torch.nn.functional.conv2d) and its gradients as plain loops in float64.
 *
 * @module
 */
import type { Window } from "../../src/kernels/conv/geometry.ts";
import { columnSums, make, type Values } from "./training.ts";

/** A convolution of x [B, H, W, C] with a weight [O, C / groups, k, k]; groups 1 or C. */
export interface ConvSizes extends Window {
  B: number;
  H: number;
  W: number;
  C: number;
  O: number;
  k: number;
  groups?: number;
  dilation?: number;
}

/** The sizes where zeros of one width are on every side. */
export function padded(
  s: Pick<ConvSizes, "B" | "H" | "W" | "C" | "O" | "k" | "groups" | "dilation"> & {
    stride?: number;
    padding?: number;
  },
): ConvSizes {
  const { padding = 0, stride = 1, dilation = 1, k } = s;
  const out = (n: number) => Math.floor((n + 2 * padding - dilation * (k - 1) - 1) / stride) + 1;
  return { ...s, stride, dilation, top: padding, left: padding, outH: out(s.H), outW: out(s.W) };
}

/** Calls `visit` with the places in y, x and the weight of every product y += x · weight. */
function products(s: ConvSizes, visit: (y: number, x: number, weight: number) => void): void {
  const { B, H, W, C, O, k, groups = 1, stride, top, left, outH, outW, dilation = 1 } = s, per = C / groups;
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < outH; i++) {
      for (let j = 0; j < outW; j++) {
        for (let p = 0; p < k; p++) {
          for (let q = 0; q < k; q++) {
            const line = i * stride + p * dilation - top, pixel = j * stride + q * dilation - left;
            if (line < 0 || line >= H || pixel < 0 || pixel >= W) continue;
            const to = ((b * outH + i) * outW + j) * O, from = ((b * H + line) * W + pixel) * C;
            for (let o = 0; o < O; o++) {
              for (let c = 0; c < per; c++) {
                visit(to + o, from + (groups === 1 ? c : o), ((o * per + c) * k + p) * k + q);
              }
            }
          }
        }
      }
    }
  }
}

/** The convolution, without a bias where that is null. */
export function convolve(x: Values, weight: Values, bias: Values | null, s: ConvSizes): Float64Array {
  const y = make(s.B * s.outH * s.outW * s.O, (i) => bias ? bias[i % s.O] : 0);
  products(s, (to, from, w) => y[to] += x[from] * weight[w]);
  return y;
}

/** The transposed convolution of x [B, outH, outW, O] with the weight of the convolution from its result to x. */
export function transpose(x: Values, weight: Values, bias: Values | null, s: ConvSizes): Float64Array {
  const y = make(s.B * s.H * s.W * s.C, (i) => bias ? bias[i % s.C] : 0);
  products(s, (from, to, w) => y[to] += x[from] * weight[w]);
  return y;
}

/** Gradients of {@linkcode convolve}'s inputs. */
export function convolveBackward(
  dy: Values,
  x: Values,
  weight: Values,
  s: ConvSizes,
): { dx: Float64Array; dweight: Float64Array; dbias: Float64Array } {
  const dx = new Float64Array(x.length), dweight = new Float64Array(weight.length);
  products(s, (to, from, w) => {
    dx[from] += dy[to] * weight[w];
    dweight[w] += dy[to] * x[from];
  });
  return { dx, dweight, dbias: columnSums(dy, s.O) };
}
