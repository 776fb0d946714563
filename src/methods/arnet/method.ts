/**
 * `arnet` (Huang et al. 2020, arXiv 1911.10676): a U-Net restores images some of whose attributes were erased: they are gray,
 * and turned by quarters at random. What was erased of an anomaly is restored as if it were normal.
 *
 *     loss    mean (x̂ − x)², x̂ of the gray image under a random turn
 *     score   of a pixel: (x̂ − x)², the mean over channels and all turns
 *
 * @module
 */
import { scale, square, subtract } from "../../autograd/arithmetic.ts";
import { add, meanSquaredError } from "../../autograd/ops.ts";
import { sumChannels } from "../../autograd/reductions.ts";
import type { Tape } from "../../autograd/tape.ts";
import { SettingError } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { Adam } from "../../optim/adam.ts";
import { scoreByShare } from "../maps.ts";
import { oneOf, oneOfNumbers, type Rules, whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { byPreset, LEARNING_RULES, type LearningSettings, oneLoss } from "../training.ts";
import { erase } from "./erase.ts";
import { arnetNets, type ArnetSizes, HALVINGS } from "./net.ts";

interface ArnetSettings extends LearningSettings {
  width: number;
  erase: "both" | "colour" | "orientation";
}

const rules: Rules<ArnetSettings> = {
  ...LEARNING_RULES,
  width: { schema: whole(1, 1024), value: "N", help: "channels of the first level" },
  erase: {
    schema: oneOf("both", "colour", "orientation"),
    value: "NAME",
    help: "attributes that are erased and restored: colour, orientation, both",
  },
};

/** The method. */
export const arnet = trainedMethod<ArnetSettings, ArnetSizes>({
  name: "arnet",
  about: "restores attributes of images that were erased, by a U-Net (Huang et al. 2020)",
  input: "pixels",
  maps: true,
  settings: rules,
  defaults: byPreset<ArnetSettings>({
    image_size: 256,
    epochs: 500,
    batch_size: 32,
    lr: 1e-3,
    weight_decay: 0,
    clip: 0,
    shuffle: true,
    width: 64,
    erase: "both",
  }, { image_size: 64, epochs: 16, batch_size: 4, lr: 4e-3, width: 8 }),
  check({ image_size }) {
    if (image_size % 2 ** HALVINGS === 0) return;
    throw new SettingError(
      `Expected {image_size} to be a multiple of ${2 ** HALVINGS}, but found ${image_size}`,
    );
  },
  lower: ["width"],
  sizes: { width: whole(1, 1024), channels: oneOfNumbers(1, 3), turns: oneOfNumbers(1, 4) },
  sizesOf: ({ width, erase }) => ({
    width,
    channels: erase === "orientation" ? 3 : 1,
    turns: erase === "colour" ? 1 : 4,
  }),
  networks: arnetNets,
  train: oneLoss({
    network: "restorer",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss(model, tape, { samples, pixels }, { seed }, { step }) {
      const random = new Random(seed, `turns ${step}`);
      const images = samples.map(({ features }) => features);
      const turns = images.map(() => random.below(model.sizes.turns));
      return meanSquaredError(tape, restored(model, tape, images, turns, true), pixels);
    },
  }),
  async score(model, { size, pixels }, settings) {
    const { gpu, sizes } = model, { turns } = sizes, all = await gpu.step((gpu) => gpu.read(pixels));
    const each = all.length / size;
    const images = Array.from({ length: size }, (_, i) => all.subarray(i * each, (i + 1) * each));
    return await scoreByShare(gpu, sizes, settings, (gpu) => {
      const tape = scoringTape(gpu),
        errors = Array.from({ length: turns }, (_, turn) => {
          const x = restored(model, tape, images, images.map(() => turn));
          return square(tape, subtract(tape, x, pixels));
        });
      const sum = errors.reduce((a, b) => add(tape, a, b));
      return scale(tape, sumChannels(tape, sum), 1 / (3 * turns));
    });
  },
});

/** Images [B, S, S, 3] from what is left of them without colour, and turned. */
function restored(
  { networks: { restorer }, sizes: { S, channels } }: TrainedModel<ArnetSizes>,
  tape: Tape,
  images: readonly Float32Array[],
  turns: readonly number[],
  training = false,
): Tensor {
  const left = new Float32Array(images.length * S * S * channels), each = S * S * channels;
  images.forEach((image, i) => erase(image, S, channels, turns[i], left.subarray(i * each, (i + 1) * each)));
  return restorer.forward("unet", tape, tape.gpu.tensor(left, [images.length, S, S, channels]), { training });
}
