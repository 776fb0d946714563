/**
 * `kdad` (Salehi et al. 2021, arXiv 2011.11108): a small cloner learns a frozen teacher's features of normal images at several
 * levels, their direction and their length. An image's score is its loss, Σ over levels of 1 − cos + λ · MSE (eq. 1 to 3); a
 * pixel's the size of that loss's gradient with respect to it (eq. 4), smoothed.
 *
 * @module
 */
import * as v from "npm:valibot@^1.5.0";
import { abs, clamp, exp, log, scale, scaleRows, square, subtract } from "../../autograd/arithmetic.ts";
import { cosineDistance, squaredDistance } from "../../autograd/distances.ts";
import { add } from "../../autograd/ops.ts";
import { mean, meanImages, sum, sumChannels } from "../../autograd/reductions.ts";
import { channels, reshape } from "../../autograd/shapes.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { PassOptions } from "../../model/network.ts";
import { Adam } from "../../optim/adam.ts";
import { mapsOf, scoresOf, windowOf } from "../maps.ts";
import { whole } from "../settings.ts";
import { measureTeacher, taught, teacherValues } from "../teacher.ts";
import { type Batch, scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { clone, cloner, type ClonerSizes } from "./net.ts";
import { KDAD_RULES, kdadDefaults, type KdadSettings } from "./settings.ts";

/** Sizes beside those that every model has; channels of the teacher's levels as `24,40`. */
type Sizes = { levels: string; width: number };

/** The method. */
export const kdad = trainedMethod<KdadSettings, Sizes>({
  name: "kdad",
  about: "how far a small student is from the frozen backbone, of whole images (Salehi et al. 2021)",
  input: "both",
  maps: true,
  settings: KDAD_RULES,
  defaults: kdadDefaults,
  lower: ["width"],
  sizes: {
    levels: v.pipe(
      v.string("numbers with commas between them"),
      v.regex(/^[1-9]\d{0,4}(,[1-9]\d{0,4}){0,31}$/, "numbers with commas between them"),
    ),
    width: whole(1, 1024),
  },
  sizesOf: ({ width }, { levels }) => ({ levels: levels.join(), width }),
  networks: (sizes) => ({ cloner: cloner(clonerSizes(sizes)) }),
  values: teacherValues,
  // deno-lint-ignore require-await -- what it throws rejects
  prepare: async (model, _, set) => measureTeacher(model, set),
  train: oneLoss({
    network: "cloner",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss: (model, tape, batch, { lambda }) => {
      return mean(tape, lossesOf(tape, pairsOf(model, tape, batch, { training: true }), lambda));
    },
  }),
  score: (model, { pixels: images, features }, settings) =>
    model.gpu.step(async (gpu) => {
      const { S } = model.sizes,
        lambda = Number(settings.lambda),
        isPaper = settings.image_rule === "paper",
        window = windowOf(S);
      const byGradient = settings.localisation === "gradient", tape = scoringTape(gpu, byGradient);
      const pixels = images.view(images.shape);
      pixels.requiresGrad = byGradient;
      const pairs = pairsOf(model, tape, { pixels, features }, { frozen: true });
      const losses = lossesOf(tape, pairs, lambda);
      const maps = byGradient
        ? mapsOf(gpu, attributions(tape, pixels, losses), { C: 1, H: S, W: S }, settings)
        : mapsOf(gpu, discrepancies(tape, pairs, lambda), model.sizes, settings);
      const [m, i] = await gpu.stream.read(maps, isPaper ? losses : scoresOf(gpu, maps, settings, window));
      return { maps: m, scores: i, window: isPaper ? undefined : window };
    }),
});

/** Mean square of a level that has no direction. */
const LEAST = 1e-16;

type Model = TrainedModel<Sizes>;
/** What the cloner says of a level, and the teacher: maps [B, H, W, C]. */
type Pair = readonly [cloned: Tensor, taught: Tensor];

function clonerSizes({ levels, C, ...sizes }: Model["sizes"]): ClonerSizes {
  const channels = levels.split(",").map(Number), sum = channels.reduce((a, b) => a + b);
  if (sum === C) return { ...sizes, levels: channels };
  throw new RangeError(`Expected levels of ${C} channels together, but found ${levels}`);
}

function pairsOf(
  model: Model,
  tape: Tape,
  { pixels, features }: Pick<Batch, "pixels" | "features">,
  options: PassOptions,
): Pair[] {
  const teacher = taught(tape, model, features), sizes = clonerSizes(model.sizes);
  let first = 0;
  return clone(model.networks.cloner, tape, pixels, sizes, options).map((cloned, i) => {
    const taught = channels(tape, teacher, first, sizes.levels[i]);
    first += sizes.levels[i];
    return [cloned, taught] as const;
  });
}

/** The loss of each image, [B]: of each level the cosine distance of all of it, and λ times the mean squared error. */
function lossesOf(tape: Tape, pairs: readonly Pair[], lambda: number): Tensor {
  return pairs.map(([x, y]) => {
    const whole = [x.shape[0], x.size / x.shape[0]];
    const direction = cosineDistance(tape, reshape(tape, x, whole), reshape(tape, y, whole));
    return add(tape, direction, scale(tape, meanImages(tape, square(tape, subtract(tape, x, y))), lambda));
  }).reduce((sum, losses) => add(tape, sum, losses));
}

/** What positions contribute to it: [B, H, W], whose means over positions are the losses. */
function discrepancies(tape: Tape, pairs: readonly Pair[], lambda: number): Tensor {
  const distances = (x: Tensor, y: Tensor, weight: number) =>
    scale(tape, squaredDistance(tape, x, y), weight / x.shape[3]);
  return pairs.map(([x, y]) => {
    const direction = distances(unit(tape, x), unit(tape, y), 1 / 2); // 1 − cos(x, y) = ½ ‖x / ‖x‖ − y / ‖y‖‖²
    return add(tape, direction, distances(x, y, lambda));
  }).reduce((sum, distances) => add(tape, sum, distances));
}

/** Maps [B, H, W, C] divided by the root of their mean square. */
function unit(tape: Tape, x: Tensor): Tensor {
  const squares = clamp(tape, meanImages(tape, square(tape, x)), LEAST, Infinity);
  return scaleRows(tape, x, exp(tape, scale(tape, log(tape, squares), -1 / 2)));
}

/** How much each pixel has to do with its image's loss: Σ over its colours of |∂loss / ∂pixel|, [B, S, S]. */
function attributions(tape: Tape, pixels: Tensor, losses: Tensor): Tensor {
  tape.backward(sum(tape, losses)); // an image's loss depends on its own pixels only
  return sumChannels(tape, abs(tape, tape.gradient(pixels)));
}
