/**
 * Structural similarity as plain loops in float64, window by window: the specification of src/autograd/ssim.ts.
 *
 * @module
 */
import { make, type Values } from "./training.ts";

/** Of what maps are, and how they are compared. */
export interface Similarity {
  /** [B, H, W, C]. */
  shape: readonly number[];
  window: number;
  /** null for a box. */
  sigma: number | null;
  c1: number;
  c2: number;
}

/** Positions of a window within the map around (h, w), with weights that add up to 1. */
function windowAt({ shape: [, H, W], window, sigma }: Similarity, h: number, w: number) {
  const radius = (window - 1) / 2, taps: { at: number; weight: number }[] = [];
  for (let i = Math.max(0, h - radius); i <= Math.min(H - 1, h + radius); i++) {
    for (let j = Math.max(0, w - radius); j <= Math.min(W - 1, w + radius); j++) {
      const apart = (i - h) ** 2 + (j - w) ** 2;
      taps.push({ at: i * W + j, weight: sigma === null ? 1 : Math.exp(-apart / (2 * sigma ** 2)) });
    }
  }
  const total = taps.reduce((sum, { weight }) => sum + weight, 0);
  return taps.map(({ at, weight }) => ({ at, weight: weight / total }));
}

/** Calls `visit` with each value's window, by indices of values, and the similarity's four factors there. */
function eachValue(
  s: Similarity,
  x: Values,
  y: Values,
  visit: (
    i: number,
    taps: { at: number; weight: number }[],
    of: { mx: number; my: number; n1: number; n2: number; d1: number; d2: number },
  ) => void,
): void {
  const [B, H, W, C] = s.shape;
  for (let h = 0; h < H; h++) {
    for (let w = 0; w < W; w++) {
      const around = windowAt(s, h, w);
      for (let b = 0; b < B; b++) {
        for (let c = 0; c < C; c++) {
          const index = (at: number) => (b * H * W + at) * C + c;
          const taps = around.map(({ at, weight }) => ({ at: index(at), weight }));
          const mean = (f: (at: number) => number) => taps.reduce((sum, t) => sum + t.weight * f(t.at), 0);
          const mx = mean((at) => x[at]), my = mean((at) => y[at]);
          const variances = mean((at) => (x[at] - mx) ** 2 + (y[at] - my) ** 2);
          const covariance = mean((at) => (x[at] - mx) * (y[at] - my));
          visit(index(h * W + w), taps, {
            mx,
            my,
            n1: 2 * mx * my + s.c1,
            n2: 2 * covariance + s.c2,
            d1: mx ** 2 + my ** 2 + s.c1,
            d2: variances + s.c2,
          });
        }
      }
    }
  }
}

/** The similarity of every value. */
export function ssim(s: Similarity, x: Values, y: Values): Float64Array {
  const map = new Float64Array(x.length);
  eachValue(s, x, y, (i, _, { n1, n2, d1, d2 }) => map[i] = n1 * n2 / (d1 * d2));
  return map;
}

/** Gradients of {@linkcode ssim}: those of its factors, by way of means, variances and the covariance. */
export function ssimBackward(
  s: Similarity,
  dmap: Values,
  x: Values,
  y: Values,
): { x: Float64Array; y: Float64Array } {
  const dx = make(x.length, () => 0), dy = make(x.length, () => 0);
  eachValue(s, x, y, (i, taps, { mx, my, n1, n2, d1, d2 }) => {
    const map = n1 * n2 / (d1 * d2);
    for (const { at, weight } of taps) {
      // Per value: dμx = weight, dσ² = 2 weight (x − μx), dσxy = weight (y − μy).
      const slope = (v: number, mv: number, other: number, mother: number) =>
        map * (2 * mother / n1 + 2 * (other - mother) / n2 - 2 * mv / d1 - 2 * (v - mv) / d2);
      dx[at] += dmap[i] * weight * slope(x[at], mx, y[at], my);
      dy[at] += dmap[i] * weight * slope(y[at], my, x[at], mx);
    }
  });
  return { x: dx, y: dy };
}
