/**
 * Interpolation of NHWC maps (torch.nn.functional.interpolate) and its gradient as plain loops in float64.
 *
 * @module
 */
import type { Values } from "./training.ts";

/** From [B, h, w, C] to [B, H, W, C]. */
export interface Sizes {
  B: number;
  h: number;
  w: number;
  H: number;
  W: number;
  C: number;
  mode: "nearest" | "bilinear";
  alignCorners?: boolean;
}

/** What pixel i of `to` is made of among `from`: which pixels, and how much of each. */
function neighbours(i: number, from: number, to: number, { mode, alignCorners }: Sizes): [number, number][] {
  if (mode === "nearest") return [[Math.floor(i * from / to), 1]];
  const aligned = to > 1 ? i * (from - 1) / (to - 1) : 0;
  const place = alignCorners ? aligned : Math.max((i + 0.5) * from / to - 0.5, 0);
  const low = Math.min(Math.floor(place), from - 1), high = Math.min(low + 1, from - 1);
  return [[low, 1 - (place - low)], [high, place - low]];
}

/** Calls `visit` with the places in y and x and the weight of every product y += weight · x. */
function products(s: Sizes, visit: (y: number, x: number, weight: number) => void): void {
  const { B, h, w, H, W, C } = s;
  for (let at = 0; at < B * H * W * C; at++) {
    const c = at % C,
      j = Math.floor(at / C) % W,
      i = Math.floor(at / C / W) % H,
      b = Math.floor(at / C / W / H);
    for (const [row, down] of neighbours(i, h, H, s)) {
      for (const [column, across] of neighbours(j, w, W, s)) {
        visit(at, ((b * h + row) * w + column) * C + c, down * across);
      }
    }
  }
}

/** The interpolated maps. */
export function upsample(x: Values, s: Sizes): Float64Array {
  const y = new Float64Array(s.B * s.H * s.W * s.C);
  products(s, (to, from, weight) => y[to] += weight * x[from]);
  return y;
}

/** The gradient of x. */
export function upsampleBackward(dy: Values, s: Sizes): Float64Array {
  const dx = new Float64Array(s.B * s.h * s.w * s.C);
  products(s, (to, from, weight) => dx[from] += weight * dy[to]);
  return dx;
}
