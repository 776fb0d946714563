/**
 * `ocgan` (Perera et al. 2019, arXiv 1903.08550): a denoising autoencoder all of whose codes, not only those of images, shall
 * decode to images of the class. A pixel's score is its squared error, summed over the channels.
 *
 * @module
 */
import { squaredDistance } from "../../autograd/distances.ts";
import { scoreByShare } from "../maps.ts";
import { whole } from "../settings.ts";
import { scoringTape, trainedMethod } from "../trained.ts";
import { ocganNets, type OcganSizes } from "./net.ts";
import { checkOcgan, OCGAN_RULES, ocganDefaults, type OcganSettings } from "./settings.ts";
import { learning } from "./train.ts";

type Sizes = Omit<OcganSizes, "S">;

/** The method. */
export const ocgan = trainedMethod<OcganSettings, Sizes>({
  name: "ocgan",
  about: "a denoising autoencoder whose codes all decode to the class (Perera et al. 2019)",
  input: "pixels",
  maps: true,
  settings: OCGAN_RULES,
  defaults: ocganDefaults,
  check: checkOcgan,
  lower: ["width", "latent"],
  sizes: { width: whole(1, 1024), visual_width: whole(1, 1024), latent: whole(1, 65536) },
  sizesOf: ({ width, visual_width, latent }) => ({ width, visual_width, latent }),
  networks: ocganNets,
  train: learning,
  score: (model, { pixels }, settings) =>
    scoreByShare(model.gpu, model.sizes, settings, (gpu) => {
      const tape = scoringTape(gpu), { autoencoder } = model.networks;
      const code = autoencoder.forward("encoder", tape, pixels);
      const made = autoencoder.forward("decoder", tape, code);
      return squaredDistance(tape, made, pixels);
    }),
});
