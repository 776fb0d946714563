/**
 * Diagonal Gaussians as plain loops in float64: the specification of src/autograd/gaussians.ts.
 *
 * @module
 */
import { normalAt } from "../../src/hash.ts";
import { make, sum, type Values } from "./training.ts";

/** −½ Σ (1 + v − m² − exp v) of each row of D values. */
export function klNormal(mu: Values, variance: Values, D: number): Float64Array {
  return make(mu.length / D, (b) =>
    -sum(D, (j) => {
      const m = mu[b * D + j], v = variance[b * D + j];
      return 1 + v - m ** 2 - Math.exp(v);
    }) / 2);
}

/** Gradients of {@linkcode klNormal}. */
export function klNormalBackward(
  dd: Values,
  mu: Values,
  variance: Values,
  D: number,
): { mu: Float64Array; variance: Float64Array } {
  const row = (i: number) => dd[Math.floor(i / D)];
  return {
    mu: make(mu.length, (i) => row(i) * mu[i]),
    variance: make(mu.length, (i) => row(i) * (Math.exp(variance[i]) - 1) / 2),
  };
}

/** mu + exp(½ variance) ε. */
export function reparametrise(mu: Values, variance: Values, seed: number): Float64Array {
  return make(mu.length, (i) => mu[i] + Math.exp(variance[i] / 2) * normalAt(seed, i));
}

/** Gradients of {@linkcode reparametrise}. */
export function reparametriseBackward(
  dz: Values,
  variance: Values,
  seed: number,
): { mu: Float64Array; variance: Float64Array } {
  return {
    mu: Float64Array.from(dz),
    variance: make(dz.length, (i) => dz[i] * Math.exp(variance[i] / 2) / 2 * normalAt(seed, i)),
  };
}
