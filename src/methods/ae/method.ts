/**
 * `ae` (Bergmann et al. 2018, arXiv 1807.02011): a convolutional autoencoder of images, trained by the squared error; a
 * pixel's score is its squared error, summed over the channels.
 *
 * @module
 */
import { squaredDistance } from "../../autograd/distances.ts";
import { meanSquaredError } from "../../autograd/ops.ts";
import { Adam } from "../../optim/adam.ts";
import { scoreByShare } from "../maps.ts";
import { scoringTape, trainedMethod } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { reconstruct, sizes } from "./model.ts";
import { autoencoder } from "./net.ts";
import { AUTOENCODER_RULES, autoencoderDefaults, checkAutoencoder } from "./settings.ts";

/** The method. */
export const ae = trainedMethod({
  name: "ae",
  about: "a convolutional autoencoder of images, by the squared error (Bergmann et al. 2018)",
  input: "pixels",
  maps: true,
  settings: AUTOENCODER_RULES,
  defaults: autoencoderDefaults,
  check: checkAutoencoder,
  lower: ["width", "latent"],
  ...sizes,
  networks: (sizes) => ({ autoencoder: autoencoder(sizes) }),
  train: oneLoss({
    network: "autoencoder",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss: (model, tape, { pixels }) =>
      meanSquaredError(tape, reconstruct(model, tape, pixels, { training: true }), pixels),
  }),
  score: (model, { pixels }, settings) =>
    scoreByShare(model.gpu, model.sizes, settings, (gpu) => {
      const tape = scoringTape(gpu);
      return squaredDistance(tape, reconstruct(model, tape, pixels), pixels);
    }),
});
