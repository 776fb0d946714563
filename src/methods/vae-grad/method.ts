/**
 * `vae-grad` (Dehaene et al. 2020, arXiv 2002.03734): the network of `vae`, trained as there; a new image is changed until it
 * is a normal one, and a pixel's score is how much it was changed, |x_T − x_0| summed over the channels.
 *
 * @module
 */
import { abs, subtract } from "../../autograd/arithmetic.ts";
import { sumChannels } from "../../autograd/reductions.ts";
import { sizes } from "../ae/model.ts";
import { checkAutoencoder } from "../ae/settings.ts";
import { scoreByShare } from "../maps.ts";
import { above0, atLeast0, type Rules, whole } from "../settings.ts";
import { scoringTape, trainedMethod } from "../trained.ts";
import { byPreset } from "../training.ts";
import { variationalAutoencoder } from "../vae/net.ts";
import { DEMO, PAPER, VARIATIONAL_RULES, type VariationalSettings } from "../vae/settings.ts";
import { trainByElbo } from "../vae/train.ts";
import { project, type Projection } from "./energy.ts";

type VaeGradSettings = VariationalSettings & Projection;

const rules: Rules<VaeGradSettings> = {
  ...VARIATIONAL_RULES,
  iterations: { schema: whole(1, 10000), value: "T", help: "steps that change an image", scoring: true },
  l1_weight: {
    schema: atLeast0,
    value: "X",
    help: "weight of the distance from the image, which keeps it as it is",
    scoring: true,
  },
  step_size: { schema: above0, value: "X", help: "how far a step goes", scoring: true },
};

/** The method. */
export const vaeGrad = trainedMethod({
  name: "vae-grad",
  about: "a variational autoencoder that changes an image until it is normal (Dehaene et al. 2020)",
  input: "pixels",
  maps: true,
  settings: rules,
  defaults: byPreset<VaeGradSettings>(
    { ...PAPER, iterations: 100, l1_weight: 0.05, step_size: 0.5 },
    { ...DEMO, iterations: 10, step_size: 1 },
  ),
  check: checkAutoencoder,
  lower: ["width", "latent"],
  ...sizes,
  networks: (sizes) => ({ vae: variationalAutoencoder(sizes) }),
  train: trainByElbo(),
  async score({ gpu, sizes, networks }, { pixels }, settings) {
    const x = await project(gpu, networks.vae, pixels, settings as unknown as Projection);
    try {
      return await scoreByShare(gpu, sizes, settings, (gpu) => {
        const tape = scoringTape(gpu);
        return sumChannels(tape, abs(tape, subtract(tape, x, pixels)));
      });
    } finally {
      gpu.release(x);
    }
  },
});
