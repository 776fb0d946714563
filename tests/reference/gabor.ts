/**
 * The built-in backbone's ops as plain loops in float64, over planes [P, h, w]; every filter two-dimensional, as
 * docs/method.md §8 and tests/golden/gabor.py have it.
 *
 * @module
 */

/** Values of a plane with borders reflected, again and again, without repeating the edge. */
function reflected(
  x: ArrayLike<number>,
  plane: number,
  h: number,
  w: number,
): (row: number, column: number) => number {
  const inside = (i: number, n: number): number => {
    if (n === 1) return 0;
    while (i < 0 || i >= n) i = i < 0 ? -i : 2 * n - 2 - i;
    return i;
  };
  return (row, column) => x[(plane * h + inside(row, h)) * w + inside(column, w)];
}

/** Makes [P, H, W] from a function of plane and position. */
function planes(
  x: ArrayLike<number>,
  [P, h, w]: readonly number[],
  H: number,
  W: number,
  value: (at: (row: number, column: number) => number, i: number, j: number) => number,
): Float64Array {
  const y = new Float64Array(P * H * W);
  for (let p = 0; p < P; p++) {
    const at = reflected(x, p, h, w);
    for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) y[(p * H + i) * W + j] = value(at, i, j);
  }
  return y;
}

/** Binomial blur, every second row and column. */
export function halve(x: ArrayLike<number>, shape: readonly number[]): Float64Array {
  const binomial = [1, 4, 6, 4, 1];
  return planes(x, shape, Math.ceil(shape[1] / 2), Math.ceil(shape[2] / 2), (at, i, j) => {
    let sum = 0;
    for (let p = 0; p < 5; p++) {
      for (let q = 0; q < 5; q++) sum += binomial[p] * binomial[q] / 256 * at(2 * i + p - 2, 2 * j + q - 2);
    }
    return sum;
  });
}

/** Moduli of one orientation, k · 30°. */
export function modulus(x: ArrayLike<number>, shape: readonly number[], k: number): Float64Array {
  const side = Array.from({ length: 9 }, (_, i) => i - 4);
  const points = side.flatMap((y) =>
    side.map((x) => ({
      x,
      y,
      envelope: Math.exp(-(x * x + y * y) / (2 * 1.7 ** 2)),
      u: x * Math.cos(k * Math.PI / 6) + y * Math.sin(k * Math.PI / 6),
    }))
  );
  const sum = (values: number[]) => values.reduce((a, b) => a + b);
  const wave = points.map(({ envelope, u }) => envelope * Math.cos(Math.PI / 2 * u));
  const dc = sum(wave) / sum(points.map(({ envelope }) => envelope));
  const even = points.map(({ envelope }, i) => wave[i] - dc * envelope);
  const odd = points.map(({ envelope, u }) => envelope * Math.sin(Math.PI / 2 * u));
  const norm = (filter: number[]) => sum(filter.map(Math.abs));
  return planes(x, shape, shape[1], shape[2], (at, i, j) => {
    const under = points.map(({ x, y }) => at(i + y, j + x));
    const response = (filter: number[]) => sum(filter.map((f, n) => f * under[n])) / norm(filter);
    return Math.sqrt(response(even) ** 2 + response(odd) ** 2 + 1e-10);
  });
}

/** Pixels of an axis under output i and their weights: means over twice the stride, or bilinear. */
function taps(i: number, n: number, out: number): [pixel: number, weight: number][] {
  if (n > out) return window(Math.floor(n * (2 * i - 1) / (2 * out)), Math.ceil(n * (2 * i + 3) / (2 * out)));
  const source = out > 1 ? i * (n - 1) / (out - 1) : 0, low = Math.floor(source);
  return [[low, 1 - (source - low)], [low + 1, source - low]];
}

function window(from: number, to: number): [number, number][] {
  return Array.from({ length: to - from }, (_, t) => [from + t, 1 / (to - from)]);
}

/** Brings planes to H×W. */
export function bring(x: ArrayLike<number>, shape: readonly number[], H: number, W: number): Float64Array {
  return planes(x, shape, H, W, (at, i, j) => {
    let sum = 0;
    for (const [row, a] of taps(i, shape[1], H)) {
      for (const [column, b] of taps(j, shape[2], W)) sum += a * b * at(row, column);
    }
    return sum;
  });
}

/** Standard deviation in the windows of `bring`, or of three pixels along an axis that does not shrink. */
export function deviation(
  x: ArrayLike<number>,
  shape: readonly number[],
  H: number,
  W: number,
): Float64Array {
  const [, h, w] = shape;
  const under = (i: number, n: number, out: number) => n > out ? taps(i, n, out) : window(i - 1, i + 2);
  return planes(x, shape, Math.min(h, H), Math.min(w, W), (at, i, j) => {
    let mean = 0, square = 0;
    for (const [row, a] of under(i, h, H)) {
      for (const [column, b] of under(j, w, W)) {
        mean += a * b * at(row, column);
        square += a * b * at(row, column) ** 2;
      }
    }
    return Math.sqrt(Math.max(square - mean ** 2, 0) + 1e-10);
  });
}
