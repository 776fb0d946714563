/**
 * `gt` (Golan & El-Yaniv 2018, arXiv 1805.10917): a classifier learns which of 72 geometric transformations an image went
 * through. An image's score is its 72 answers' negative log-likelihood (but for a constant) under the Dirichlet distributions of
 * the training images' answers: −Σᵢ Σⱼ (αᵢⱼ − 1) log yⱼ(Tᵢ x). Scores, no maps.
 *
 * A model file has the classifier and `alpha` [72, 72], a row a transformation.
 *
 * @module
 */
import { crossEntropy, logSoftmax } from "../../autograd/cross_entropy.ts";
import { scale } from "../../autograd/arithmetic.ts";
import type { Tape } from "../../autograd/tape.ts";
import { SettingError } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { Adam } from "../../optim/adam.ts";
import { pauses } from "../pause.ts";
import { type Rules, whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { byPreset, LEARNING_RULES, type LearningSettings, oneLoss } from "../training.ts";
import { fitDirichlet, LEAST } from "./dirichlet.ts";
import { wideNet, type WideSizes } from "./net.ts";
import { transform, TRANSFORMS, transformTables } from "./transforms.ts";

interface GtSettings extends LearningSettings, WideSizes {}

const rules: Rules<GtSettings> = {
  ...LEARNING_RULES,
  epochs: {
    ...LEARNING_RULES.epochs,
    help: "passes over the training images, each with one transformation at a time",
  },
  widen: { schema: whole(1, 64), value: "K", help: "channels are 16, 16K, 32K and 64K" },
};

/** The method. */
export const gt = trainedMethod<GtSettings, WideSizes>({
  name: "gt",
  about: "a classifier of geometric transformations (Golan & El-Yaniv 2018): scores, no maps",
  input: "pixels",
  maps: false,
  settings: rules,
  defaults: byPreset<GtSettings>({
    image_size: 32,
    epochs: 3 * TRANSFORMS, // each of an image's transformations three times, on average
    batch_size: 128,
    lr: 1e-3,
    weight_decay: 0,
    clip: 0,
    shuffle: true,
    widen: 4,
  }, { epochs: 60, batch_size: 60, lr: 3e-3, widen: 1 }),
  check({ image_size }) {
    if (image_size % 4 === 0) return;
    throw new SettingError(`Expected {image_size} to be a multiple of 4, but found ${image_size}`);
  },
  lower: ["widen"],
  sizes: { widen: whole(1, 64) },
  sizesOf: ({ widen }) => ({ widen }),
  networks: (sizes) => ({ wide: wideNet(sizes) }),
  values: () => ({ alpha: [TRANSFORMS, TRANSFORMS] }),
  train: oneLoss({
    network: "wide",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss(model, tape, { samples }, { seed }, { step }) {
      const random = new Random(seed, `transformations ${step}`);
      const labels = Uint32Array.from(samples, () => random.below(TRANSFORMS));
      const x = transformed(tape, model.sizes.S, samples.map(({ features }) => features), labels);
      return crossEntropy(tape, answers(model, tape, x, true), tape.gpu.tensor(labels));
    },
  }),
  async finish(model, run, { normal }) {
    const meanLogs = new Float64Array(TRANSFORMS ** 2), means = new Float64Array(TRANSFORMS ** 2);
    const pause = pauses(run.signal);
    for (const [i, image] of normal.entries()) {
      const logs = await allAnswers(model, [image]);
      for (let at = 0; at < logs.length; at++) {
        meanLogs[at] += logs[at] / normal.length;
        means[at] += Math.exp(logs[at]) / normal.length;
      }
      run.onProgress(i + 1, normal.length, "images");
      await pause();
    }
    const alpha = new Float32Array(TRANSFORMS ** 2);
    for (let row = 0; row < alpha.length; row += TRANSFORMS) {
      const part = (values: Float64Array) => values.subarray(row, row + TRANSFORMS);
      alpha.set(fitDirichlet(part(meanLogs), part(means)), row);
      await pause();
    }
    model.gpu.stream.write(model.values.alpha, alpha);
  },
  async score(model, { size, pixels }) {
    const [images, alpha] = await model.gpu.step((gpu) => gpu.stream.read(pixels, model.values.alpha));
    const scores = new Float32Array(size), values = images.length / size;
    for (let b = 0; b < size; b++) {
      const logs = await allAnswers(model, [images.subarray(b * values, (b + 1) * values)]);
      scores[b] = -logs.reduce((sum, log, at) => sum + (alpha[at] - 1) * log, 0);
    }
    return { maps: null, scores };
  },
});

/** Images under a transformation each, [B, S, S, 3]. */
function transformed(
  tape: Tape,
  S: number,
  images: readonly Float32Array[],
  labels: Uint32Array,
): Tensor {
  const all = new Float32Array(labels.length * S * S * 3), tables = transformTables(S);
  labels.forEach((label, i) =>
    transform(images[i % images.length], tables[label], all.subarray(i * S * S * 3, (i + 1) * S * S * 3))
  );
  return tape.gpu.tensor(all, [labels.length, S, S, 3]);
}

/** Logits [B, 72] of images in 0..1. */
function answers({ networks: { wide } }: TrainedModel, tape: Tape, x: Tensor, training = false): Tensor {
  return wide.forward("classifier", tape, scale(tape, x, 2, -1), { training });
}

/** log y of an image under all transformations, [72 · 72]. */
function allAnswers(model: TrainedModel, image: readonly Float32Array[]): Promise<Float32Array> {
  return model.gpu.step(async (gpu) => {
    const tape = scoringTape(gpu), labels = Uint32Array.from({ length: TRANSFORMS }, (_, label) => label);
    const x = transformed(tape, model.sizes.S, image, labels);
    const logs = await gpu.read(logSoftmax(tape, answers(model, tape, x)));
    return logs.map((log) => Math.max(log, Math.log(LEAST)));
  });
}
