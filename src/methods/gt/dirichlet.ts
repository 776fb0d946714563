/**
 * Dirichlet distributions of probabilities, fitted by maximum likelihood: Newton's method as in Minka, "Estimating a
 * Dirichlet distribution" (2000), as Golan & El-Yaniv 2018 use it for a classifier's answers.
 *
 * @module
 */

const ROUNDS = 200, ENOUGH = 1e-7;
/** Probabilities below have no logarithm to speak of. */
export const LEAST = 1e-6;
/** Where all rows are alike nothing bounds the sum of α. */
const MOST = 1e6;

/**
 * The parameters α [K] under which rows of probabilities are most likely.
 *
 * @param meanLogs their mean logarithms, [K]
 * @param means their means, [K]
 */
export function fitDirichlet(meanLogs: ArrayLike<number>, means: ArrayLike<number>): Float64Array {
  const K = meanLogs.length;
  let spread = 0;
  for (let k = 0; k < K; k++) spread += means[k] * (Math.log(Math.max(means[k], LEAST)) - meanLogs[k]);
  const sum = (K - 1) / 2 / Math.max(spread, 1e-6);
  let alpha = Float64Array.from({ length: K }, (_, k) => Math.min(Math.max(sum * means[k], 1e-6), MOST));
  for (let round = 0; round < ROUNDS; round++) {
    const step = newtonStep(alpha, meanLogs);
    let scale = 1;
    while (alpha.some((a, k) => a - scale * step[k] <= 0)) scale /= 2;
    const change = alpha.reduce((most, a, k) => Math.max(most, Math.abs(scale * step[k] / a)), 0);
    const next = alpha.map((a, k) => a - scale * step[k]);
    if (!(next.reduce((a, b) => a + b) < MOST)) break;
    alpha = next;
    if (change < ENOUGH) break;
  }
  return alpha;
}

/** What Newton's method takes off α; the likelihood's second derivatives are a diagonal and a constant. */
function newtonStep(alpha: Float64Array, meanLogs: ArrayLike<number>): Float64Array {
  const sum = alpha.reduce((a, b) => a + b), whole = digamma(sum);
  const gradient = alpha.map((a, k) => whole - digamma(a) + meanLogs[k]),
    diagonal = alpha.map((a) => -trigamma(a));
  let above = 0, below = 1 / trigamma(sum);
  for (let k = 0; k < alpha.length; k++) {
    above += gradient[k] / diagonal[k];
    below += 1 / diagonal[k];
  }
  return gradient.map((g, k) => (g - above / below) / diagonal[k]);
}

/** ψ, the derivative of log Γ, of x > 0: the recurrence to 10, then its asymptotic series. */
export function digamma(x: number): number {
  let below = 0;
  for (; x < 10; x++) below -= 1 / x;
  const r = 1 / (x * x);
  return below + Math.log(x) - 0.5 / x -
    r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r / 132))));
}

/** ψ′ of x > 0. */
function trigamma(x: number): number {
  let below = 0;
  for (; x < 10; x++) below += 1 / (x * x);
  const r = 1 / (x * x);
  return below + 1 / x + r / 2 + r / x * (1 / 6 - r * (1 / 30 - r * (1 / 42 - r / 30)));
}
