/**
 * Normalisation of channels over positions (torch.nn.functional.batch_norm, instance_norm) and its gradients as plain loops in
 * float64. Rows [groups, rows, C] lie in groups with statistics of their own.
 *
 * @module
 */
import { columnSums, make, sum, type Values } from "./training.ts";

/** Mean and biased variance of each channel of each group, [groups · C] each. */
export interface Statistics {
  mean: Float64Array;
  variance: Float64Array;
}

/** Those of x. */
export function statistics(x: Values, C: number, groups: number): Statistics {
  const rows = x.length / C / groups;
  const at = (i: number, r: number) => x[(Math.floor(i / C) * rows + r) * C + i % C];
  const mean = make(groups * C, (i) => sum(rows, (r) => at(i, r)) / rows);
  return { mean, variance: make(groups * C, (i) => sum(rows, (r) => (at(i, r) - mean[i]) ** 2) / rows) };
}

/** Running statistics after one more batch. */
export function track(running: Statistics, batch: Statistics, rows: number, momentum = 0.1): Statistics {
  return {
    mean: running.mean.map((v, c) => v + momentum * (batch.mean[c] - v)),
    variance: running.variance.map((v, c) => v + momentum * (batch.variance[c] * rows / (rows - 1) - v)),
  };
}

/** What of x is normalised, before weight and bias. */
export function normal(x: Values, C: number, s: Statistics, eps = 1e-5): Float64Array {
  return make(x.length, (i) => {
    const at = statisticOf(i, x, C, s);
    return (x[i] - s.mean[at]) / Math.sqrt(s.variance[at] + eps);
  });
}

/** The normalised x times weight plus bias, where there are any. */
export function normalise(
  x: Values,
  s: Statistics,
  C: number,
  weight: Values | null,
  bias: Values | null,
  eps = 1e-5,
): Float64Array {
  return normal(x, C, s, eps).map((n, i) => n * (weight?.[i % C] ?? 1) + (bias?.[i % C] ?? 0));
}

/** Gradients of {@linkcode normalise}'s inputs. @param own whether the statistics are those of x */
export function normaliseBackward(
  dy: Values,
  x: Values,
  s: Statistics,
  C: number,
  weight: Values | null,
  own: boolean,
  eps = 1e-5,
): { dx: Float64Array; dweight: Float64Array; dbias: Float64Array } {
  const n = normal(x, C, s, eps), rows = x.length / s.mean.length;
  const g = make(x.length, (i) => dy[i] * (weight?.[i % C] ?? 1));
  const mean = new Float64Array(s.mean.length), along = new Float64Array(s.mean.length);
  if (own) {
    g.forEach((g, i) => {
      mean[statisticOf(i, x, C, s)] += g / rows;
      along[statisticOf(i, x, C, s)] += g * n[i] / rows;
    });
  }
  const dx = g.map((g, i) => {
    const at = statisticOf(i, x, C, s);
    return (g - mean[at] - n[i] * along[at]) / Math.sqrt(s.variance[at] + eps);
  });
  return { dx, dweight: columnSums(n.map((n, i) => n * dy[i]), C), dbias: columnSums(dy, C) };
}

/** Which of the statistics belongs to value i of x. */
function statisticOf(i: number, x: Values, C: number, { mean }: Statistics): number {
  const groups = mean.length / C;
  return Math.floor(i / (x.length / groups)) * C + i % C;
}
