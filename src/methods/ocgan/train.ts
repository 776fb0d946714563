/**
 * How OCGAN learns (Perera et al. 2019, arXiv 1903.08550, algorithm 1). A step, with ℓ₁ = E(x + n), n ~ N(0, σ²), and
 * ℓ₂ ~ U(−1, 1)^d:
 *
 *     classifier       BCE(C(D(ℓ₁)), 1) + BCE(C(D(ℓ₂)), 0)
 *     discriminators   BCE(D_ℓ(ℓ₁), 0) + BCE(D_ℓ(ℓ₂), 1)  and  BCE(D_v(D(ℓ₂)), 0) + BCE(D_v(x), 1)
 *     mining           ℓ₂ moves down the gradient of BCE(C(D(ℓ₂)), 0), to where C is sure that its image is not of the class
 *     autoencoder      BCE(D_ℓ(ℓ₁), 1) + BCE(D_v(D(ℓ₂)), 1) + λ ‖x − D(ℓ₁)‖²
 *
 * Networks that are kept fixed are passed through with their running statistics; one that learns sees all that it learns from
 * in one batch, so that these statistics are those of its training.
 *
 * @module
 */
import { clamp, scale, subtract } from "../../autograd/arithmetic.ts";
import { normals } from "../../autograd/gaussians.ts";
import { add, meanSquaredError } from "../../autograd/ops.ts";
import { weightedSum } from "../../autograd/reductions.ts";
import { Tape } from "../../autograd/tape.ts";
import type { Scope } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { Adam } from "../../optim/adam.ts";
import { BETAS, says, some, sumOfSquares, together } from "../adversarial.ts";
import type { Settings } from "../settings.ts";
import type { TrainedModel, Training } from "../trained.ts";
import type { OcganSizes } from "./net.ts";
import type { OcganSettings } from "./settings.ts";

type Model = TrainedModel<Omit<OcganSizes, "S">>;

const learns = { training: true }, fixed = { frozen: true };

/** The training. */
export function learning(model: Model, settings: Settings<OcganSettings>): Training {
  const { lr, weight_decay, clip, noise, w_mse, seed } = settings, { S, latent } = model.sizes;
  const { autoencoder, classifier, discriminators } = model.networks;
  const groups = [autoencoder, classifier, discriminators].map(({ parameters }) => ({
    parameters,
    optimizer: new Adam(model.gpu, parameters),
  }));
  const options = { lr, weight_decay, clip, betas: BETAS };
  const step = (i: number, tape: Tape, loss: Tensor): Tensor => {
    tape.backward(loss);
    return groups[i].optimizer.step(tape, options);
  };
  return {
    groups,
    step(scope, { pixels: x, size: B }, at) {
      const random = new Random(seed, `ocgan ${at.step}`), still = new Tape(scope, { record: false });
      const noisy = add(still, x, scale(still, normals(scope, x.shape, random.bits()), noise));
      const uniform = Float32Array.from({ length: B * latent }, () => random.range(-1, 1));
      const l1 = autoencoder.forward("encoder", still, noisy), l2 = scope.tensor(uniform, [B, latent]);
      const made = autoencoder.forward("decoder", still, together(still, l1, l2));

      const first = new Tape(scope), second = new Tape(scope), third = new Tape(scope);
      const classified = says(first, classifier.forward("classifier", first, made, learns), 1, 0);
      const squares = [step(1, first, classified)];

      const judge = (part: string, x: Tensor) => discriminators.forward(part, second, x, learns);
      const judged = weightedSum(second, [
        [1, says(second, judge("latent", together(still, l1, l2)), 0, 1)],
        [1, says(second, judge("visual", together(still, some(still, made, B, B), x)), 0, 1)],
      ]);
      squares.push(step(2, second, judged));

      const codes = autoencoder.forward("encoder", third, noisy, learns);
      const both = together(third, codes, mined(model, scope, l2, settings));
      const images = autoencoder.forward("decoder", third, both, learns);
      const seen = (part: string, x: Tensor) => says(third, discriminators.forward(part, third, x, fixed), 1);
      const error = meanSquaredError(third, some(third, images, 0, B), x);
      const loss = weightedSum(third, [
        [1, seen("latent", codes)],
        [1, seen("visual", some(third, images, B, B))],
        [w_mse * S * S * 3, error],
      ]);
      squares.push(step(0, third, loss));
      const parts = { classifier: classified, discriminators: judged, mse: error };
      return { loss, parts, squares: sumOfSquares(scope, squares), lr };
    },
  };
}

/** Codes [B, d] whose images the classifier takes for what is not of the class: informative negatives. */
function mined(
  { networks: { autoencoder, classifier } }: Model,
  scope: Scope,
  codes: Tensor,
  { mining_steps, mining_rate }: OcganSettings,
): Tensor {
  const still = new Tape(scope, { record: false });
  for (let i = 0; i < mining_steps; i++) {
    const tape = new Tape(scope), [B] = codes.shape;
    codes.requiresGrad = true;
    const images = autoencoder.forward("decoder", tape, codes, fixed);
    tape.backward(says(tape, classifier.forward("classifier", tape, images, fixed), 0));
    const moved = subtract(still, codes, scale(still, tape.gradient(codes), B * mining_rate)); // a mean's gradient
    codes = clamp(still, moved, -1, 1);
  }
  codes.requiresGrad = false;
  return codes;
}
