/**
 * `smai` (Li et al. 2020, BMVC, "Superpixel masking and inpainting for self-supervised anomaly detection"): a U-Net learns to
 * inpaint superpixels that were removed at random; then each is removed and compared with what is inpainted.
 *
 *     loss    spread² · mean M (x̂ − x)², M the superpixels that were removed, each with probability 1 / spread²
 *     score   of a pixel: (x̂ − x)² when its superpixel is removed, the mean over channels
 *
 * @module
 */
import { multiply, scale, square, subtract } from "../../autograd/arithmetic.ts";
import { add } from "../../autograd/ops.ts";
import { mean, sumChannels } from "../../autograd/reductions.ts";
import { concat } from "../../autograd/shapes.ts";
import type { Tape } from "../../autograd/tape.ts";
import { SettingError } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { Adam } from "../../optim/adam.ts";
import { scoreByShare } from "../maps.ts";
import { type Rules, whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { byPreset, LEARNING_RULES, type LearningSettings, oneLoss } from "../training.ts";
import { HALVINGS, smaiNets, type SmaiSizes } from "./net.ts";
import { slic } from "./slic.ts";

/** How images are masked. */
interface Masking {
  /** Superpixels along a side of an image. */
  grid: number;
  /** Of superpixels in a row or column every so many are removed together. */
  spread: number;
}
interface SmaiSettings extends LearningSettings, SmaiSizes, Masking {}

const width = whole(1, 1024), grid = whole(1, 256), spread = whole(1, 256);
const rules: Rules<SmaiSettings> = {
  ...LEARNING_RULES,
  width: { schema: width, value: "N", help: "channels of the first level" },
  grid: { schema: grid, value: "N", help: "superpixels along a side of an image" },
  spread: {
    schema: spread,
    value: "N",
    help: "of superpixels in a row every so many are removed together; up to {grid}, which is one by one",
  },
};

/** The method. */
export const smai = trainedMethod<SmaiSettings, SmaiSizes>({
  name: "smai",
  about: "inpaints superpixels of images, by a U-Net (Li et al. 2020)",
  input: "pixels",
  maps: true,
  settings: rules,
  defaults: byPreset<SmaiSettings>({
    image_size: 256,
    epochs: 300,
    batch_size: 16,
    lr: 1e-3,
    weight_decay: 0,
    clip: 0,
    shuffle: true,
    width: 64,
    grid: 16,
    spread: 3,
  }, { image_size: 64, epochs: 12, batch_size: 4, lr: 4e-3, width: 8, grid: 8, spread: 2 }),
  check({ image_size: S, grid, spread }) {
    if (S % 2 ** HALVINGS !== 0) {
      throw new SettingError(`Expected {image_size} to be a multiple of ${2 ** HALVINGS}, but found ${S}`);
    }
    if (grid > S) throw new SettingError(`Expected {grid} up to {image_size}, but found ${grid} and ${S}`);
    if (spread > grid) {
      throw new SettingError(`Expected {spread} up to {grid}, but found ${spread} and ${grid}`);
    }
  },
  lower: ["width"],
  sizes: { width },
  sizesOf: ({ width }) => ({ width }),
  networks: smaiNets,
  train(model, settings, set) {
    const { S } = model.sizes, { grid, spread } = settings, known = new WeakMap<Float32Array, Uint32Array>();
    const superpixelsOf = (image: Float32Array) => {
      const superpixels = known.get(image) ?? slic(image, S, grid);
      known.set(image, superpixels);
      return superpixels;
    };
    return oneLoss<SmaiSettings, SmaiSizes>({
      network: "inpainter",
      optimizer: (gpu, parameters) => new Adam(gpu, parameters),
      loss(model, tape, { samples, pixels }, { seed }, { step }) {
        const random = new Random(seed, `superpixels ${step}`);
        const masks = samples.map(({ features }) => {
          const removed = Array.from({ length: grid ** 2 }, () => random.below(spread ** 2) === 0);
          return maskOf(superpixelsOf(features), (k) => removed[k]);
        });
        return scale(tape, mean(tape, errorsOf(model, tape, pixels, masks, true)), spread ** 2);
      },
    })(model, settings, set);
  },
  async score(model, { size, pixels }, settings) {
    const { gpu, sizes } = model, { S } = sizes, { grid, spread } = settings as unknown as Masking;
    const all = await gpu.step((gpu) => gpu.read(pixels)), each = all.length / size;
    const superpixels = Array.from(
      { length: size },
      (_, i) => slic(all.subarray(i * each, (i + 1) * each), S, grid),
    );
    return await scoreByShare(gpu, sizes, settings, (gpu) => {
      const tape = scoringTape(gpu);
      const errors = Array.from({ length: spread ** 2 }, (_, group) => {
        const isRemoved = (k: number) => Math.floor(k / grid) % spread * spread + k % grid % spread === group;
        return errorsOf(model, tape, pixels, superpixels.map((of) => maskOf(of, isRemoved)));
      });
      return scale(tape, sumChannels(tape, errors.reduce((a, b) => add(tape, a, b))), 1 / 3);
    });
  },
});

/** A mask [S · S], 1 where a superpixel is removed. */
function maskOf(superpixels: Uint32Array, isRemoved: (k: number) => boolean): Float32Array {
  return Float32Array.from(superpixels, (k) => isRemoved(k) ? 1 : 0);
}

/** M (x̂ − x)², [B, S, S, 3], x̂ of images whose removed parts are black, and of their masks. */
function errorsOf(
  { networks: { inpainter } }: TrainedModel,
  tape: Tape,
  pixels: Tensor,
  masks: readonly Float32Array[],
  training = false,
): Tensor {
  const { gpu } = tape, [B, S] = pixels.shape, places = S * S;
  const wide = new Float32Array(B * places * 3), narrow = new Float32Array(B * places);
  masks.forEach((mask, b) => {
    narrow.set(mask, b * places);
    for (let i = 0; i < 3 * places; i++) wide[b * places * 3 + i] = mask[Math.floor(i / 3)];
  });
  const mask = gpu.tensor(wide, pixels.shape);
  const left = multiply(tape, pixels, scale(tape, mask, -1, 1));
  const seen = concat(tape, [left, gpu.tensor(narrow, [B, S, S, 1])]);
  const made = inpainter.forward("unet", tape, seen, { training });
  return multiply(tape, square(tape, subtract(tape, made, pixels)), mask);
}
