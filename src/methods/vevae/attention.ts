/**
 * Where a latent's mean comes from (Liu et al. 2020, arXiv 1911.07389, §3.1, after Grad-CAM): with A the maps of a layer, [B, h, w, K],
 *
 *     M_i = |Σ_k α_ik (A_k − Ā_k)|,   α_ik = the mean over positions of ∂μ_i / ∂A_k
 *
 * and how two of these are kept apart in training, L_AD = 2 Σ min(M_i, M_j) / Σ (M_i + M_j) (§3.3). That is a loss of gradients; its
 * own gradient takes a central difference along a direction in A, with ReLUs held as they are.
 *
 * @module
 */
import { abs, exp, log, multiply, scale, scaleRows, square, subtract } from "../../autograd/arithmetic.ts";
import { add } from "../../autograd/ops.ts";
import { meanPositions } from "../../autograd/pooling.ts";
import { mean, meanImages, sum, sumChannels, weightedSum } from "../../autograd/reductions.ts";
import { channels, detach, expand } from "../../autograd/shapes.ts";
import { Tape } from "../../autograd/tape.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Gates } from "../../model/gates.ts";
import { scoringTape } from "../trained.ts";

/** From maps A to codes, the means first: [B, h, w, K] → [B, ≥ i]. */
export type Head = (tape: Tape, A: Tensor, options: { frozen: boolean; gates?: Gates }) => Tensor;

/** α_i of images, [B, K]. */
export function weightsOf(gpu: Compute, head: Head, A: Tensor, i: number, gates?: Gates): Tensor {
  const tape = scoringTape(gpu, true), leaf = detach(A);
  leaf.requiresGrad = true;
  tape.backward(sum(tape, channels(tape, head(tape, leaf, { frozen: true, gates }), i, 1)));
  return meanPositions(scoringTape(gpu), tape.gradient(leaf));
}

/** |Σ_k α_k A_k|: [B, h, w]. @param A [B, h, w, K], less what is normal @param alpha [B, K] */
export function attention(tape: Tape, A: Tensor, alpha: Tensor): Tensor {
  const [, h, w] = A.shape;
  return abs(tape, sumChannels(tape, multiply(tape, A, expand(tape, alpha, [h, w]))));
}

/** Keeps logarithms and quotients of what is 0 finite. */
const LITTLE = 1e-30;

/** L_AD of two maps [B, h, w], the mean over the images: 2 Σ min = Σ (M + N) − Σ |M − N|. */
export function overlap(tape: Tape, M: Tensor, N: Tensor): Tensor {
  const apart = meanImages(tape, abs(tape, subtract(tape, M, N))), all = meanImages(tape, add(tape, M, N));
  const [a, b] = [apart, all].map((x) => log(tape, scale(tape, x, 1, LITTLE)));
  return scale(tape, mean(tape, exp(tape, subtract(tape, a, b))), -1, 1);
}

/**
 * L_AD of the attention of two latents, [1], with its whole gradient: by A, by what A is made of, and by the head's parameters.
 *
 * @param A [B, h, w, K], on `tape`
 * @param head as it is when scoring: linear between ReLUs
 */
export function disentanglement(
  tape: Tape,
  A: Tensor,
  head: Head,
  latents: readonly [number, number],
): Tensor {
  const { gpu } = tape, by = new Tape(gpu), gates = new Gates();
  const alphas = latents.map((i) => weightsOf(gpu, head, A, i, gates.pass()));
  const pair = (tape: Tape, A: Tensor) => {
    const [M, N] = alphas.map((alpha) => attention(tape, A, alpha));
    return overlap(tape, M, N);
  };
  const loss = pair(tape, A);
  for (const alpha of alphas) alpha.requiresGrad = true;
  by.backward(pair(by, detach(A)));
  const slopes = latents.map((i, n) => slopeAlong(tape, head, A.shape, i, by.gradient(alphas[n]), gates));
  // The slopes are there for their gradients: their values don't count.
  return weightedSum(tape, [[1, loss], ...slopes.flatMap((s) => [[1, s], [-1, detach(s)]] as const)]);
}

/**
 * Σ v · α_i, [1], as a function of the head: the derivative of Σ μ_i along v / (h · w) in A, as the difference of μ_i at both ends of
 * a move there. The head is linear in A while its ReLUs are held, so that any A and any move will do: from 0, of length 1.
 *
 * @param v [B, K], without a gradient
 */
function slopeAlong(
  tape: Tape,
  head: Head,
  [, h, w]: readonly number[],
  i: number,
  v: Tensor,
  gates: Gates,
): Tensor {
  const still = scoringTape(tape.gpu);
  const length = log(still, scale(still, meanImages(still, square(still, v)), 1, LITTLE)); // its square's, [B]
  const move = expand(still, scaleRows(still, v, exp(still, scale(still, length, -0.5))), [h, w]);
  const [up, down] = [1, -1].map((sign) =>
    channels(tape, head(tape, scale(still, move, sign), { frozen: false, gates: gates.pass() }), i, 1)
  );
  const back = exp(still, scale(still, length, 0.5, -Math.log(2 * h * w)));
  return sum(tape, scaleRows(tape, subtract(tape, up, down), back));
}
