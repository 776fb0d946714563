/**
 * Arithmetic, sums and shapes of autograd as plain loops in float64, with gradients; maps are [B, H, W, C].
 *
 * @module
 */
import { make, sum, type Values } from "./training.ts";

/** Functions of one value, and their derivatives at x. */
export const functions = {
  exp: { value: Math.exp, slope: Math.exp },
  log: { value: Math.log, slope: (x: number): number => 1 / x },
  square: { value: (x: number): number => x * x, slope: (x: number): number => 2 * x },
  sqrt: { value: Math.sqrt, slope: (x: number): number => 0.5 / Math.sqrt(x) },
  abs: { value: Math.abs, slope: Math.sign },
  pseudoHuber: {
    value: (x: number): number => Math.sqrt(x * x + 1) - 1,
    slope: (x: number): number => x / Math.sqrt(x * x + 1),
  },
};

/** x ∘ p, p repeated over x. */
export function multiply(x: Values, p: Values): Float64Array {
  return make(x.length, (i) => x[i] * p[i % p.length]);
}

/** Each of `rows` parts of x times its number. */
export function scaleRows(x: Values, s: Values): Float64Array {
  return make(x.length, (i) => x[i] * s[Math.floor(i * s.length / x.length)]);
}

/** Σ of each of `rows` parts of x that lie one after another, times `scale`. */
export function sumRows(x: Values, rows: number, scale = 1): Float64Array {
  const columns = x.length / rows;
  return make(rows, (r) => scale * sum(columns, (j) => x[r * columns + j]));
}

/** Each value `columns` times. */
export function repeat(s: Values, columns: number, scale = 1): Float64Array {
  return make(s.length * columns, (i) => scale * s[Math.floor(i / columns)]);
}

/** Rows of x of `from` values → `count` of each, from `first` on; below 0 and beyond them are zeros. */
export function columns(x: Values, from: number, first: number, count: number): Float64Array {
  return make(x.length / from * count, (i) => {
    const row = Math.floor(i / count), j = first + i % count;
    return j >= 0 && j < from ? x[row * from + j] : 0;
  });
}

/** The window of `height` × `width` positions of maps [B, H, W, C] that begins at (top, left); zeros beyond. */
export function window(
  x: Values,
  [B, H, W, C]: readonly number[],
  { top, left, height, width }: { top: number; left: number; height: number; width: number },
): Float64Array {
  const y = new Float64Array(B * height * width * C);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        const row = top + i, column = left + j;
        if (row < 0 || row >= H || column < 0 || column >= W) continue;
        for (let c = 0; c < C; c++) {
          y[((b * height + i) * width + j) * C + c] = x[((b * H + row) * W + column) * C + c];
        }
      }
    }
  }
  return y;
}
