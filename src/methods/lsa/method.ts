/**
 * `lsa` (Abati et al. 2019, Latent Space Autoregression for Novelty Detection, CVPR): an autoencoder, and an estimator of its code's
 * density, a value at a time; the loss is ‖x − x̂‖² − λ log q(z) (eq. 8), an image's score the sum of both terms, each brought
 * to 0..1 by those of the training images (eq. 9 and 10).
 *
 * @module
 */
import { scale, square, subtract } from "../../autograd/arithmetic.ts";
import { crossEntropy } from "../../autograd/cross_entropy.ts";
import { meanSquaredError } from "../../autograd/ops.ts";
import { meanImages, sumChannels, weightedSum } from "../../autograd/reductions.ts";
import { concat, reshape } from "../../autograd/shapes.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { binsOf } from "../../kernels/rows/bins.ts";
import { crossEntropies } from "../../kernels/rows/softmax.ts";
import type { PassOptions } from "../../model/network.ts";
import { Adam } from "../../optim/adam.ts";
import { measured } from "../measure.ts";
import { rescaled, rescalingOf } from "../rescale.ts";
import { whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { BINS, lsaNetwork } from "./net.ts";
import { checkLsa, LSA_RULES, lsaDefaults, type LsaSettings } from "./settings.ts";

/** Sizes beside those that every model has. */
type Sizes = { latent: number; width: number };
type Model = TrainedModel<Sizes>;

/** The method. */
export const lsa = trainedMethod<LsaSettings, Sizes>({
  name: "lsa",
  about: "an autoencoder with an autoregressive density of its code (Abati et al. 2019)",
  input: "pixels",
  maps: false,
  settings: LSA_RULES,
  defaults: lsaDefaults,
  check: checkLsa,
  lower: ["width", "latent"],
  sizes: { latent: whole(1, 4096), width: whole(1, 1024) },
  sizesOf: ({ latent, width }) => ({ latent, width }),
  networks: (sizes) => ({ net: lsaNetwork(sizes) }),
  values: () => ({ shift: [2], scale: [2] }),
  train: oneLoss({
    network: "net",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss(model, tape, { pixels, size }, { likelihood_weight }) {
      const { code, logits, labels, reconstruction } = look(model, tape, pixels, { training: true });
      const error = meanSquaredError(tape, reconstruction, pixels, size);
      const nll = scale(tape, crossEntropy(tape, logits, labels), code.size / size);
      const loss = weightedSum(tape, [[1, error], [likelihood_weight, nll]]);
      return { loss, parts: { reconstruction: error, likelihood: nll } };
    },
  }),
  async finish(model, { settings: { batch_size: size }, signal }, set) {
    const { gpu, values } = model;
    const all = await measured(model, set, (tape, { pixels }) => termsOf(model, tape, pixels), {
      size,
      signal,
    });
    const [first, second] = [0, 1].map((term) => rescalingOf([all.filter((_, i) => i % 2 === term)]));
    gpu.stream.write(values.shift, Float32Array.of(first.shift, second.shift));
    gpu.stream.write(values.scale, Float32Array.of(first.scale, second.scale));
  },
  score: (model, { pixels }) =>
    model.gpu.step(async (scope) => {
      const tape = scoringTape(scope), { shift, scale } = model.values;
      const terms = rescaled(tape, termsOf(model, tape, pixels), shift, scale);
      return { maps: null, scores: await scope.read(sumChannels(tape, terms)) };
    }),
});

/** What the networks make of images. */
interface Look {
  /** z [B, latent] in 0..1. */
  readonly code: Tensor;
  /** What of each of its values is expected from those before it, [B · latent, BINS]. */
  readonly logits: Tensor;
  /** The bins that they are in, [B · latent]. */
  readonly labels: Tensor<"u32">;
  /** [B, S, S, 3] */
  readonly reconstruction: Tensor;
}

function look({ networks: { net } }: Model, tape: Tape, pixels: Tensor, options?: PassOptions): Look {
  const code = net.forward("encoder", tape, pixels, options), values = code.size;
  const logits = net.forward("estimator", tape, code, options);
  return {
    code,
    logits: reshape(tape, logits, [values, BINS]),
    labels: binsOf(tape.gpu, code, BINS).view([values]),
    reconstruction: net.forward("decoder", tape, code, options),
  };
}

/** ‖x − x̂‖² and −log q(z) of each image, [B, 2]. */
function termsOf(model: Model, tape: Tape, pixels: Tensor): Tensor {
  const { code, logits, labels, reconstruction } = look(model, tape, pixels),
    { gpu } = tape,
    [B] = pixels.shape;
  const errors = meanImages(tape, square(tape, subtract(tape, reconstruction, pixels)));
  const sums = gpu.empty([code.size], "sums of logits"), losses = gpu.empty(code.shape, "losses");
  crossEntropies(gpu, logits, labels, sums, losses);
  return concat(
    tape,
    [scale(tape, errors, pixels.size / B), sumChannels(tape, losses)].map((x) => x.view([B, 1])),
  );
}
