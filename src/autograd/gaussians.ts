/**
 * Diagonal Gaussians, as variational autoencoders have them (Kingma & Welling 2014): samples through which gradients
 * flow, and how far they are from the standard one.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { accumulate } from "../kernels/dense/elementwise.ts";
import * as kl from "../kernels/rows/kl.ts";
import { sample, sampleBackward } from "../kernels/rows/normals.ts";
import { expectSameShape } from "./same_shape.ts";
import type { Tape } from "./tape.ts";

export { normals } from "../kernels/rows/normals.ts";

/**
 * Kullback–Leibler divergence KL(N(μ, σ²) ‖ N(0, 1)) of each image's Gaussian,
 * −½ Σ (1 + log σ² − μ² − σ²) over its D dimensions.
 *
 * @param mu [B, D]
 * @param logVariance [B, D]: log σ²
 * @returns [B]
 * @throws {RangeError} where the shapes are not these
 */
export function klNormal(tape: Tape, mu: Tensor, logVariance: Tensor): Tensor {
  const { gpu } = tape;
  if (mu.shape.length !== 2) throw new RangeError(`Expected means [B, D], but found [${mu.shape}]`);
  expectSameShape(mu, logVariance, "logarithms of variances");
  const d = gpu.empty([mu.shape[0]], "divergences");
  kl.klNormal(gpu, mu, logVariance, d);
  return tape.record("klNormal", d, [mu, logVariance], (dd) => {
    const dmu = tape.into(mu);
    if (dmu) kl.klNormalBackward(gpu, mu, "mu", dd, dmu);
    const dvariance = tape.into(logVariance);
    if (dvariance) kl.klNormalBackward(gpu, logVariance, "variance", dd, dvariance);
  });
}

/**
 * A sample μ + σ ε of each Gaussian, with gradients for μ and log σ². ε are the standard normal numbers of
 * {@linkcode normals}: they follow from `seed` and the position alone, on every adapter.
 *
 * @param mu of any shape
 * @param logVariance log σ², of the same shape
 * @param seed 32 bits; another for every step, for instance a hash of the run's seed and the step
 * @throws {RangeError} where the shapes differ
 */
export function reparametrise(tape: Tape, mu: Tensor, logVariance: Tensor, seed: number): Tensor {
  const { gpu } = tape;
  expectSameShape(mu, logVariance, "logarithms of variances");
  const z = gpu.empty(mu.shape, "samples");
  sample(gpu, mu, logVariance, z, seed);
  return tape.record("reparametrise", z, [mu, logVariance], (dz) => {
    const dmu = tape.into(mu);
    if (dmu) accumulate(gpu, dz, dmu.tensor, dmu.add);
    const dvariance = tape.into(logVariance);
    if (dvariance) sampleBackward(gpu, logVariance, dz, dvariance, seed);
  });
}
