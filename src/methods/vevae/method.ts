/**
 * `vevae` (Liu et al. 2020, Towards Visually Explaining Variational Autoencoders, CVPR, arXiv 1911.07389): a variational
 * autoencoder whose score of a position is the attention of its latents there, the mean of their M_i (attention.ts).
 *
 * @module
 */
import { subtract } from "../../autograd/arithmetic.ts";
import { weightedSum } from "../../autograd/reductions.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { sumColumns } from "../../kernels/rows/columns.ts";
import { batches } from "../../model/batches.ts";
import { Adam } from "../../optim/adam.ts";
import { scoreByMeans } from "../maps.ts";
import { whole } from "../settings.ts";
import { scoringTape, trainedMethod } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { elboLoss } from "../vae/elbo.ts";
import { posteriorOf } from "../vae/net.ts";
import { attention, disentanglement, type Head, weightsOf } from "./attention.ts";
import { mapsAt, vevaeNetwork, type VevaeSizes } from "./net.ts";
import { checkVevae, VEVAE_RULES, vevaeDefaults, type VevaeSettings } from "./settings.ts";

/** The method. */
export const vevae = trainedMethod<VevaeSettings, Omit<VevaeSizes, "S">>({
  name: "vevae",
  about: "the attention of a variational autoencoder's latents (Liu et al. 2020)",
  input: "pixels",
  maps: true,
  settings: VEVAE_RULES,
  defaults: vevaeDefaults,
  check: checkVevae,
  lower: ["width", "latent"],
  sizes: { latent: whole(1, 65536), width: whole(1, 1024), layer: whole(0, 4) },
  sizesOf: ({ latent, width, attention_layer }) => ({ latent, width, layer: attention_layer }),
  networks: (sizes) => ({ vevae: vevaeNetwork(sizes) }),
  values(sizes) {
    const { side, channels } = mapsAt(sizes);
    return { normal: [side, side, channels] }; // Ā: the mean over the training images
  },
  train: oneLoss({
    network: "vevae",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss({ sizes, networks: { vevae } }, tape, { pixels }, { variance, disentangle, seed }, { step }) {
      const training = { training: true };
      const A = vevae.forward("features", tape, pixels, training);
      const q = posteriorOf(tape, vevae.forward("head", tape, A, training));
      const decode = (z: Tensor) => vevae.forward("decoder", tape, z, training);
      const bound = elboLoss(tape, pixels, q, decode, {
        variance,
        seed: new Random(seed, `latent ${step}`).bits(),
      });
      if (disentangle === 0) return bound;
      const head: Head = (tape, A, options) => vevae.forward("head", tape, A, options);
      const [i, j] = new Random(seed, `attention ${step}`).permutation(sizes.latent);
      const overlap = disentanglement(tape, A, head, [i, j]);
      return {
        loss: weightedSum(tape, [[1, bound.loss], [disentangle, overlap]]),
        parts: { ...bound.parts, overlap },
      };
    },
  }),
  async finish({ gpu, sizes, networks, values }, { settings, signal }, { normal }) {
    const { S } = sizes, { batch_size } = settings;
    let first = true;
    for (const x of batches(gpu, normal, sizes, batch_size)) {
      signal?.throwIfAborted();
      await gpu.step((gpu) => {
        const images = x.view([x.shape[0], S, S, 3]);
        const A = networks.vevae.forward("features", scoringTape(gpu), images);
        const [rows] = A.shape, columns = A.size / rows;
        sumColumns(gpu, A, values.normal, { rows, columns, accumulate: !first, scale: 1 / normal.length });
      });
      first = false;
    }
  },
  async score({ gpu, sizes, networks: { vevae }, values }, { pixels }, settings) {
    const { side } = mapsAt(sizes);
    const head: Head = (tape, A, options) => vevae.forward("head", tape, A, options);
    const A = await gpu.step((gpu) => gpu.keep(vevae.forward("features", scoringTape(gpu), pixels)));
    try {
      return await scoreByMeans(gpu, { ...sizes, H: side, W: side }, settings, sizes.latent, (gpu, i) => {
        const tape = scoringTape(gpu);
        const change = settings.attention === "difference" ? subtract(tape, A, values.normal) : A;
        return attention(tape, change, weightsOf(gpu, head, A, i));
      });
    } finally {
      gpu.release(A);
    }
  },
});
