/**
 * The evidence lower bound of Kingma & Welling 2014 (arXiv 1312.6114, Eq. 3), where p(x | z) is a Gaussian of one variance
 * around the decoder's image: −ELBO = Σ (x − x̂)² / 2σ² + KL(q(z | x) ‖ N(0, 1)) + a constant, in nats an image.
 *
 * @module
 */
import { klNormal, reparametrise } from "../../autograd/gaussians.ts";
import { meanSquaredError } from "../../autograd/ops.ts";
import { mean, weightedSum } from "../../autograd/reductions.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { Posterior } from "./net.ts";

/** A loss, and what it is the sum of: [1] each. */
export interface ElboLoss {
  readonly loss: Tensor;
  readonly parts: { readonly reconstruction: Tensor; readonly divergence: Tensor };
}

/**
 * −ELBO with one sample of each image's z, the mean over the batch.
 *
 * @param x [B, S, S, 3]
 * @param decode from z [B, latent] to images
 * @param variance σ²
 * @param seed of the samples, 32 bits
 */
export function elboLoss(
  tape: Tape,
  x: Tensor,
  { mu, logVariance }: Posterior,
  decode: (z: Tensor) => Tensor,
  { variance, seed }: { variance: number; seed: number },
): ElboLoss {
  const error = meanSquaredError(tape, decode(reparametrise(tape, mu, logVariance, seed)), x);
  const reconstruction = weightedSum(tape, [[x.size / x.shape[0] / (2 * variance), error]]);
  const divergence = mean(tape, klNormal(tape, mu, logVariance));
  return {
    loss: weightedSum(tape, [[1, reconstruction], [1, divergence]]),
    parts: { reconstruction, divergence },
  };
}
