/**
 * `vae` (Kingma & Welling 2014, arXiv 1312.6114): a variational autoencoder of images, trained by the evidence lower bound. A
 * pixel's score is what An & Cho 2015 call reconstruction probability, −E log p(x | z) over samples z of q(z | x).
 *
 * @module
 */
import { exp, multiply, scale } from "../../autograd/arithmetic.ts";
import { squaredDistance } from "../../autograd/distances.ts";
import { klNormal, normals } from "../../autograd/gaussians.ts";
import { add } from "../../autograd/ops.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spreadRows } from "../../kernels/rows/scaled.ts";
import { sizes } from "../ae/model.ts";
import { checkAutoencoder } from "../ae/settings.ts";
import { scoreByMeans } from "../maps.ts";
import { scoringTape, trainedMethod } from "../trained.ts";
import { byPreset } from "../training.ts";
import { encode, type Posterior, variationalAutoencoder } from "./net.ts";
import { DEMO, PAPER, VAE_RULES, type VaeSettings } from "./settings.ts";
import { trainByElbo } from "./train.ts";

/** The method. */
export const vae = trainedMethod({
  name: "vae",
  about: "a variational autoencoder of images (Kingma & Welling 2014, An & Cho 2015)",
  input: "pixels",
  maps: true,
  settings: VAE_RULES,
  defaults: byPreset<VaeSettings>(
    { ...PAPER, samples: 10, vae_score: "reconstruction" },
    { ...DEMO, samples: 4 },
  ),
  check: checkAutoencoder,
  lower: ["width", "latent"],
  ...sizes,
  networks: (sizes) => ({ vae: variationalAutoencoder(sizes) }),
  train: trainByElbo(),
  score({ gpu, sizes, networks }, { pixels }, settings) {
    const { samples, vae_score, variance } = settings as unknown as VaeSettings;
    return scoreByMeans(gpu, sizes, settings, Math.max(samples, 1), (gpu, i) => {
      const tape = scoringTape(gpu), q = encode(networks.vae, tape, pixels);
      const z = samples === 0 ? q.mu : sample(tape, q, i);
      const x = networks.vae.forward("decoder", tape, z);
      const errors = squaredDistance(tape, x, pixels);
      const nats = scale(tape, errors, 1 / (2 * variance));
      if (vae_score === "elbo") {
        spreadRows(gpu, klNormal(tape, q.mu, q.logVariance), nats, true, 1 / sizes.S ** 2);
      }
      return nats;
    });
  },
});

/** A sample of each image's q(z | x), by the same ε in every image, so that none depends on the others of its batch. */
function sample(tape: Tape, { mu, logVariance }: Posterior, seed: number): Tensor {
  const epsilon = normals(tape.gpu, [mu.shape[1]], seed);
  return add(tape, mu, multiply(tape, exp(tape, scale(tape, logVariance, 0.5)), epsilon));
}
