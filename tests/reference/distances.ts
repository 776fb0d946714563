/**
 * Distances and classifiers' losses as plain loops in float64, each with its gradients: the specification of
 * src/autograd/distances.ts and cross_entropy.ts.
 *
 * @module
 */
import { make, softmax, sum, type Values } from "./training.ts";

/** What a pair of values loses, and its derivatives by both. */
export interface Pair {
  loss(x: number, y: number): number;
  dx(x: number, y: number): number;
  dy(x: number, y: number): number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Of l1Loss, smoothL1Loss and binaryCrossEntropy. */
export const pairs: Record<"l1" | "smooth" | "binary", Pair> = {
  l1: {
    loss: (x, y) => Math.abs(x - y),
    dx: (x, y) => Math.sign(x - y),
    dy: (x, y) => Math.sign(y - x),
  },
  smooth: {
    loss: (x, y) => Math.abs(x - y) < 1 ? (x - y) ** 2 / 2 : Math.abs(x - y) - 0.5,
    dx: (x, y) => Math.max(-1, Math.min(1, x - y)),
    dy: (x, y) => Math.max(-1, Math.min(1, y - x)),
  },
  binary: {
    loss: (x, y) => Math.max(x, 0) - x * y + Math.log1p(Math.exp(-Math.abs(x))),
    dx: (x, y) => sigmoid(x) - y,
    dy: (x) => -x,
  },
};

/** Mean over all pairs. */
export function meanOfPairs({ loss }: Pair, x: Values, y: Values): number {
  return sum(x.length, (i) => loss(x[i], y[i])) / x.length;
}

/** Gradients of {@linkcode meanOfPairs}. */
export function meanOfPairsBackward(
  pair: Pair,
  x: Values,
  y: Values,
): { x: Float64Array; y: Float64Array } {
  const each = (slope: Pair["dx"]) => make(x.length, (i) => slope(x[i], y[i]) / x.length);
  return { x: each(pair.dx), y: each(pair.dy) };
}

/** x · y, max(‖x‖, eps), max(‖y‖, eps), and whether x is longer than eps, of each row of C values. */
function rows(x: Values, y: Values, C: number, eps: number) {
  const dot = (a: Values, b: Values, r: number) => sum(C, (c) => a[r * C + c] * b[r * C + c]);
  return Array.from({ length: x.length / C }, (_, r) => {
    const [nx, ny] = [x, y].map((v) => Math.sqrt(dot(v, v, r)));
    return { xy: dot(x, y, r), nx: Math.max(nx, eps), ny: Math.max(ny, eps), long: nx > eps };
  });
}

/** 1 − cos of each row of C values. */
export function cosineDistance(x: Values, y: Values, C: number, eps = 1e-8): Float64Array {
  return Float64Array.from(rows(x, y, C, eps), ({ xy, nx, ny }) => 1 - xy / (nx * ny));
}

/** Gradient of {@linkcode cosineDistance} by x; by y with both exchanged. */
export function cosineDistanceBackward(
  dd: Values,
  x: Values,
  y: Values,
  C: number,
  eps = 1e-8,
): Float64Array {
  const of = rows(x, y, C, eps);
  return make(x.length, (i) => {
    const r = Math.floor(i / C), { xy, nx, ny, long } = of[r];
    return dd[r] * ((long ? xy * x[i] / (nx ** 3 * ny) : 0) - y[i] / (nx * ny));
  });
}

/** log softmax of every row of K values. */
export function logSoftmax(x: Values, K: number): Float64Array {
  return make(x.length, (i) => {
    const row = Array.prototype.slice.call(x, i - i % K, i - i % K + K) as number[], peak = Math.max(...row);
    return x[i] - peak - Math.log(sum(K, (k) => Math.exp(row[k] - peak)));
  });
}

/** Gradient of {@linkcode logSoftmax} from that of its result. */
export function logSoftmaxBackward(dy: Values, x: Values, K: number): Float64Array {
  const p = softmax(x, K);
  return make(x.length, (i) => dy[i] - p[i] * sum(K, (k) => dy[i - i % K + k]));
}

/** Mean of −log softmax(x)[label] over rows of K values. */
export function crossEntropy(x: Values, labels: Values, K: number): number {
  const y = logSoftmax(x, K);
  return -sum(labels.length, (b) => y[b * K + labels[b]]) / labels.length;
}

/** Gradient of {@linkcode crossEntropy}. */
export function crossEntropyBackward(x: Values, labels: Values, K: number): Float64Array {
  const p = softmax(x, K);
  return p.map((p, i) => (p - +(i % K === labels[Math.floor(i / K)])) / labels.length);
}
