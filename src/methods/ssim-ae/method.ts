/**
 * `ssim-ae` (Bergmann et al. 2018, arXiv 1807.02011): the autoencoder of `ae`, trained by structural similarity in windows of
 * 11×11 pixels instead of the squared error; a pixel's score is 1 − SSIM there, its mean over the channels. At the border,
 * where windows are cut off and tell too little, it is that of the nearest pixel whose window is whole.
 *
 * @module
 */
import { scale } from "../../autograd/arithmetic.ts";
import { mean, sumChannels } from "../../autograd/reductions.ts";
import { ssim } from "../../autograd/ssim.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Adam } from "../../optim/adam.ts";
import { reconstruct, sizes } from "../ae/model.ts";
import { autoencoder } from "../ae/net.ts";
import { AUTOENCODER_RULES, autoencoderDefaults, checkAutoencoder } from "../ae/settings.ts";
import { scoreByShare, withoutBorder } from "../maps.ts";
import { scoringTape, trainedMethod } from "../trained.ts";
import { oneLoss } from "../training.ts";

const WINDOW = 11;

/** The method. */
export const ssimAe = trainedMethod({
  name: "ssim-ae",
  about: "a convolutional autoencoder of images, by structural similarity (Bergmann et al. 2018)",
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
      mean(tape, dissimilarity(tape, reconstruct(model, tape, pixels, { training: true }), pixels)),
  }),
  score: (model, { pixels }, settings) =>
    scoreByShare(model.gpu, model.sizes, settings, (gpu) => {
      const tape = scoringTape(gpu), d = dissimilarity(tape, reconstruct(model, tape, pixels), pixels);
      return withoutBorder(gpu, scale(tape, sumChannels(tape, d), 1 / 3), model.sizes, (WINDOW - 1) / 2);
    }),
});

/** 1 − SSIM, [B, S, S, 3]. */
function dissimilarity(tape: Tape, x: Tensor, y: Tensor): Tensor {
  return scale(tape, ssim(tape, x, y, { window: WINDOW }), -1, 1);
}
