/**
 * 3×3 convolution of NHWC maps with zero padding (torch.nn.functional.conv2d, padding 1) and its gradients as plain
 * loops in float64.
 *
 * @module
 */
import { columnSums, make, type Values } from "./training.ts";

/** Sizes of x [B, H, W, C] and of the result [B, H, W, O]. */
export interface ConvSizes {
  B: number;
  H: number;
  W: number;
  C: number;
  O: number;
}

/** Calls `visit` with the places in y, x and the weight [O, C, 3, 3] of every product y += x · weight. */
function products({ B, H, W, C, O }: ConvSizes, visit: (y: number, x: number, weight: number) => void): void {
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < H; i++) {
      for (let j = 0; j < W; j++) {
        for (let p = 0; p < 3; p++) {
          for (let q = 0; q < 3; q++) {
            const line = i + p - 1, pixel = j + q - 1;
            if (line < 0 || line >= H || pixel < 0 || pixel >= W) continue;
            const to = (b * H + i) * W + j, from = (b * H + line) * W + pixel;
            for (let o = 0; o < O; o++) {
              for (let c = 0; c < C; c++) visit(to * O + o, from * C + c, ((o * C + c) * 3 + p) * 3 + q);
            }
          }
        }
      }
    }
  }
}

/** The convolution, and ReLU behind it where `relu`. */
export function conv3x3(
  x: Values,
  weight: Values,
  bias: Values,
  sizes: ConvSizes,
  relu = false,
): Float64Array {
  const { B, H, W, O } = sizes, y = make(B * H * W * O, (i) => bias[i % O]);
  products(sizes, (to, from, w) => y[to] += x[from] * weight[w]);
  return relu ? y.map((v) => Math.max(v, 0)) : y;
}

/** Gradients of {@linkcode conv3x3}'s inputs; y is its result. */
export function conv3x3Backward(
  dy: Values,
  y: Values,
  x: Values,
  weight: Values,
  sizes: ConvSizes,
  relu = false,
): { dx: Float64Array; dweight: Float64Array; dbias: Float64Array } {
  const dz = make(dy.length, (i) => relu && y[i] <= 0 ? 0 : dy[i]);
  const dx = new Float64Array(x.length), dweight = new Float64Array(weight.length);
  products(sizes, (to, from, w) => {
    dx[from] += dz[to] * weight[w];
    dweight[w] += dz[to] * x[from];
  });
  return { dx, dweight, dbias: columnSums(dz, sizes.O) };
}
