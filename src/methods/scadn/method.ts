/**
 * `scadn` (Yan et al. 2021, doi 10.1609/aaai.v35i4.16420): a generator inpaints what stripes of several widths removed of an
 * image, against a discriminator of patches: of an anomaly it knows only the surroundings.
 *
 *     generator       (mean ((1 − M)(x̂ − x))² + 4 · mean (M (x̂ − x))²) / mean M + w_adv · BCE(D(x̂), 1)
 *     discriminator   ½ (BCE(D(x), 1) + BCE(D(x̂), 0))
 *     score           of a pixel: (x̂ − x)² where a mask removed it, the mean over channels, widths and directions
 *
 * @module
 */
import { multiply, scale, square, subtract } from "../../autograd/arithmetic.ts";
import { add } from "../../autograd/ops.ts";
import { mean, sumChannels, weightedSum } from "../../autograd/reductions.ts";
import { channels, concat, detach } from "../../autograd/shapes.ts";
import { Tape } from "../../autograd/tape.ts";
import { SettingError } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { Adam } from "../../optim/adam.ts";
import { says, sumOfSquares } from "../adversarial.ts";
import { scoreByShare } from "../maps.ts";
import { atLeast0, type Rules, type Settings, whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel, type Training } from "../trained.ts";
import { byPreset, LEARNING_RULES, type LearningSettings } from "../training.ts";
import { countMasks, maskOf, type MaskSizes } from "./masks.ts";
import { scadnNets, type ScadnSizes } from "./net.ts";

interface ScadnSettings extends LearningSettings, ScadnSizes, MaskSizes {
  /** Weight of the discriminator's say. */
  w_adv: number;
}

const width = whole(1, 1024), blocks = whole(1, 64), stripes = whole(2, 64), scales = whole(1, 6);
const rules: Rules<ScadnSettings> = {
  ...LEARNING_RULES,
  width: { schema: width, value: "N", help: "channels at the image's side; each halving doubles them" },
  blocks: { schema: blocks, value: "N", help: "residual blocks of the generator" },
  stripes: { schema: stripes, value: "N", help: "stripes across an image, of the widest" },
  scales: { schema: scales, value: "N", help: "widths of stripes, each half the one before" },
  w_adv: { schema: atLeast0, value: "X", help: "weight of what the discriminator says" },
};

const BETAS = [0, 0.9] as const;
/** The discriminator's learning rate, as a part of the generator's. */
const SLOWER = 0.1;
/** Weight of what is inpainted beside what is there. */
const REMOVED = 4;

/** The method. */
export const scadn = trainedMethod<ScadnSettings, ScadnSizes>({
  name: "scadn",
  about: "inpaints what stripes removed of images, against a discriminator (Yan et al. 2021)",
  input: "pixels",
  maps: true,
  settings: rules,
  defaults: byPreset<ScadnSettings>({
    image_size: 512,
    epochs: 200,
    batch_size: 4,
    lr: 1e-4,
    weight_decay: 0,
    clip: 0,
    shuffle: true,
    width: 64,
    blocks: 8,
    stripes: 4,
    scales: 3,
    w_adv: 1e-3,
  }, { image_size: 64, epochs: 16, lr: 2e-3, width: 8, blocks: 3 }),
  check({ image_size: S, stripes, scales }) {
    if (S % 8 !== 0 || S < 24) {
      throw new SettingError(`Expected {image_size} to be a multiple of 8, at least 24, but found ${S}`);
    }
    const most = stripes * 2 ** (scales - 1);
    if (most > S) {
      throw new SettingError(
        `Expected stripes of at least a pixel, but found ${most} by {stripes} and {scales}`,
      );
    }
  },
  lower: ["width", "blocks"],
  sizes: { width, blocks },
  sizesOf: ({ width, blocks }) => ({ width, blocks }),
  networks: scadnNets,
  train: learning,
  score: (model, { pixels }, settings) =>
    scoreByShare(model.gpu, model.sizes, settings, (gpu) => {
      const tape = scoringTape(gpu), x = scale(tape, pixels, 2, -1), kinds = settings as unknown as MaskSizes;
      const errors = Array.from({ length: countMasks(kinds) }, (_, index) => {
        const mask = masksOf(tape, x, [maskOf(model.sizes.S, kinds, index)]);
        return multiply(tape, square(tape, subtract(tape, inpaint(model, tape, x, mask), x)), mask);
      });
      // Each pixel is removed by one of a mask and its complement.
      const sum = sumChannels(tape, errors.reduce((a, b) => add(tape, a, b)));
      return scale(tape, sum, 2 / (3 * countMasks(kinds)));
    }),
});

function learning(
  model: TrainedModel<ScadnSizes>,
  { lr, weight_decay, clip, w_adv, seed, ...kinds }: Settings<ScadnSettings>,
): Training {
  const { generator, discriminator } = model.networks, { S } = model.sizes;
  const options = { lr, weight_decay, clip, betas: BETAS };
  const [moveGenerator, moveDiscriminator] = [generator, discriminator]
    .map(({ parameters }) => new Adam(model.gpu, parameters));
  return {
    groups: [
      { parameters: generator.parameters, optimizer: moveGenerator },
      { parameters: discriminator.parameters, optimizer: moveDiscriminator },
    ],
    step(scope, { pixels, samples }, { step }) {
      const tape = new Tape(scope), other = new Tape(scope), random = new Random(seed, `masks ${step}`);
      const x = scale(tape, pixels, 2, -1);
      const drawn = samples.map(() => maskOf(S, kinds, random.below(countMasks(kinds))));
      const mask = masksOf(tape, x, drawn), made = inpaint(model, tape, x, mask);
      const judge = (tape: Tape, of: Tensor, wanted: number, frozen = false) =>
        says(tape, discriminator.forward("patches", tape, of, { frozen }), wanted);

      // Half of an image is removed: 1 / mean M = 2.
      const weights = scale(tape, mask, 2 * (REMOVED - 1), 2);
      const reconstruction = mean(tape, multiply(tape, square(tape, subtract(tape, made, x)), weights));
      const loss = weightedSum(tape, [[1, reconstruction], [w_adv, judge(tape, made, 1, true)]]);
      tape.backward(loss);

      const judged = weightedSum(other, [[0.5, judge(other, x, 1)], [0.5, judge(other, detach(made), 0)]]);
      other.backward(judged);
      const squares = sumOfSquares(scope, [
        moveGenerator.step(tape, options),
        moveDiscriminator.step(other, { ...options, lr: SLOWER * lr }),
      ]);
      return { loss, parts: { reconstruction, discriminator: judged }, squares, lr };
    },
  };
}

/** Masks [S · S] of the images x [B, S, S, 3], one each or one for all, as [B, S, S, 3]. */
function masksOf(tape: Tape, { shape }: Tensor, masks: readonly Float32Array[]): Tensor {
  const [B, S] = shape, all = new Float32Array(B * S * S * 3);
  for (let i = 0; i < all.length; i++) {
    all[i] = masks[Math.floor(i / (3 * S * S)) % masks.length][Math.floor(i / 3) % (S * S)];
  }
  return tape.gpu.tensor(all, shape);
}

/** Images x in −1..1 whose masked parts are seen in white, restored: [B, S, S, 3] in −1..1. */
function inpaint({ networks: { generator } }: TrainedModel, tape: Tape, x: Tensor, mask: Tensor): Tensor {
  const left = add(tape, multiply(tape, x, scale(tape, mask, -1, 1)), mask);
  const seen = concat(tape, [left, channels(tape, mask, 0, 1)]);
  return ["encoder", "middle", "decoder"].reduce((x, part) => generator.forward(part, tape, x), seen);
}
