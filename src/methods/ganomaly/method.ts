/**
 * `ganomaly` (Akcay et al. 2018, arXiv 1805.06725): an autoencoder and an encoder of its result, trained against a discriminator.
 * An image's score is how far the code of its reconstruction is from its own, the mean of (z − ẑ)². Scores, no maps.
 *
 *     generator       w_adv · ‖f(x) − f(x̂)‖² + w_con · |x − x̂| + w_enc · ‖z − ẑ‖², each a mean
 *     discriminator   ½ (BCE(D(x), 1) + BCE(D(x̂), 0))
 *
 * @module
 */
import { scale, square, subtract } from "../../autograd/arithmetic.ts";
import { l1Loss } from "../../autograd/distances.ts";
import { meanSquaredError } from "../../autograd/ops.ts";
import { meanImages, weightedSum } from "../../autograd/reductions.ts";
import { detach } from "../../autograd/shapes.ts";
import { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { PassOptions } from "../../model/network.ts";
import { Adam } from "../../optim/adam.ts";
import { BETAS, says, sumOfSquares } from "../adversarial.ts";
import { checkPyramid } from "../dcgan.ts";
import { atLeast0, type Rules, whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";
import { ganomalyNets, type GanomalySizes } from "./net.ts";

interface GanomalySettings extends LearningSettings, Omit<GanomalySizes, "S"> {
  /** Weights of the generator's losses. */
  w_adv: number;
  w_con: number;
  w_enc: number;
}

const rules: Rules<GanomalySettings> = {
  ...LEARNING_RULES,
  latent: { schema: whole(1, 65536), value: "N", help: "values of the code" },
  width: { schema: whole(1, 1024), value: "N", help: "channels of the first layer" },
  w_adv: { schema: atLeast0, value: "X", help: "weight of the discriminator's features" },
  w_con: { schema: atLeast0, value: "X", help: "weight of the reconstruction" },
  w_enc: { schema: atLeast0, value: "X", help: "weight of the codes" },
};

/** The method. */
export const ganomaly = trainedMethod<GanomalySettings, Omit<GanomalySizes, "S">>({
  name: "ganomaly",
  about:
    "an autoencoder and an encoder of its result against a discriminator (Akcay et al. 2018): scores, no maps",
  input: "pixels",
  maps: false,
  settings: rules,
  defaults: byPreset<GanomalySettings>({
    image_size: 64,
    epochs: 15,
    batch_size: 64,
    lr: 2e-4,
    weight_decay: 0,
    clip: 0,
    shuffle: true,
    latent: 100,
    width: 64,
    w_adv: 1,
    w_con: 50,
    w_enc: 1,
  }, { image_size: 32, epochs: 40, batch_size: 16, lr: 1e-3, latent: 32, width: 16 }),
  check: checkPyramid,
  lower: ["width", "latent"],
  sizes: { width: whole(1, 1024), latent: whole(1, 65536) },
  sizesOf: ({ width, latent }) => ({ width, latent }),
  networks: ganomalyNets,
  train(model, { lr, weight_decay, clip, w_adv, w_con, w_enc }) {
    const { generator, discriminator } = model.networks, options = { lr, weight_decay, clip, betas: BETAS };
    const [moveGenerator, moveDiscriminator] = [generator, discriminator]
      .map(({ parameters }) => new Adam(model.gpu, parameters));
    return {
      groups: [
        { parameters: generator.parameters, optimizer: moveGenerator },
        { parameters: discriminator.parameters, optimizer: moveDiscriminator },
      ],
      step(scope, { pixels }) {
        const tape = new Tape(scope), other = new Tape(scope), training = true;
        const { x, reconstruction, z, z2 } = encodeTwice(model, tape, pixels, { training });
        const features = (of: Tensor) =>
          discriminator.forward("features", tape, of, { training, frozen: true });
        const loss = weightedSum(tape, [
          [w_adv, meanSquaredError(tape, features(reconstruction), features(x))],
          [w_con, l1Loss(tape, reconstruction, x)],
          [w_enc, meanSquaredError(tape, z2, z)],
        ]);
        tape.backward(loss);

        const judge = (of: Tensor) => {
          const inner = discriminator.forward("features", other, of, { training });
          return discriminator.forward("classifier", other, inner, { training });
        };
        const judged = weightedSum(other, [
          [0.5, says(other, judge(x), 1)],
          [0.5, says(other, judge(detach(reconstruction)), 0)],
        ]);
        other.backward(judged);
        const squares = sumOfSquares(scope, [
          moveGenerator.step(tape, options),
          moveDiscriminator.step(other, options),
        ]);
        return { loss, parts: { discriminator: judged }, squares, lr };
      },
    };
  },
  score: (model, { pixels }) =>
    model.gpu.step(async (gpu) => {
      const tape = scoringTape(gpu), { z, z2 } = encodeTwice(model, tape, pixels);
      return { maps: null, scores: await gpu.read(meanImages(tape, square(tape, subtract(tape, z, z2)))) };
    }),
});

/** Images in −1..1, their codes, what these become, and the codes of that. */
function encodeTwice(
  { networks: { generator: net } }: TrainedModel,
  tape: Tape,
  pixels: Tensor,
  options?: PassOptions,
) {
  const x = scale(tape, pixels, 2, -1);
  const pass = (part: string, x: Tensor) => net.forward(part, tape, x, options);
  const z = pass("code1", pass("encoder1", x)), reconstruction = pass("decoder", z);
  return { x, reconstruction, z, z2: pass("code2", pass("encoder2", reconstruction)) };
}
