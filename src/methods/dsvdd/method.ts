/**
 * `dsvdd` (Ruff et al. 2018, Deep One-Class Classification, ICML): a network learns to map normal images close to a centre c, which
 * is fixed before; an image's score is its squared distance, ‖z − c‖² (eq. 4), minus R² with a soft boundary of the radius R (eq. 3).
 *
 * @module
 */
import * as v from "npm:valibot@^1.5.0";
import { activation } from "../../autograd/activations.ts";
import { scale, square, subtract } from "../../autograd/arithmetic.ts";
import { squaredDistance } from "../../autograd/distances.ts";
import { mean, meanImages, weightedSum } from "../../autograd/reductions.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { PassOptions } from "../../model/network.ts";
import { Adam } from "../../optim/adam.ts";
import { measured } from "../measure.ts";
import { rescalingOf } from "../rescale.ts";
import { whole } from "../settings.ts";
import type { TrainingSet } from "../trainable.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { contrasts, normaliseContrast } from "./contrast.ts";
import { autoencoder, network } from "./net.ts";
import {
  checkDsvdd,
  DSVDD_RULES,
  dsvddDefaults,
  type DsvddSettings,
  type Objective,
  OBJECTIVES,
  pretraining,
} from "./settings.ts";

/** Sizes beside those that every model has. */
type Sizes = { latent: number; width: number; objective: Objective };
type Model = TrainedModel<Sizes>;

/** The folder of the autoencoder that comes before, in a run's. */
const AUTOENCODER = "autoencoder";
/** How far each value of the centre is from 0 at least, where weights of 0 would map everything. */
const LEAST = 0.1;
/** The method. */
export const dsvdd = trainedMethod<DsvddSettings, Sizes>({
  name: "dsvdd",
  about:
    "a network that maps normal images close to a centre, {objective} one-class or soft-boundary (Ruff et al. 2018)",
  input: "pixels",
  maps: false,
  settings: DSVDD_RULES,
  defaults: dsvddDefaults,
  check: checkDsvdd,
  stages: [AUTOENCODER],
  lower: ["width", "latent"],
  sizes: {
    latent: whole(1, 65536),
    width: whole(1, 1024),
    objective: v.picklist(OBJECTIVES, "an objective"),
  },
  sizesOf: ({ latent, width, objective }) => ({ latent, width, objective }),
  networks: (sizes) => ({ net: sizes.objective === "reconstruction" ? autoencoder(sizes) : network(sizes) }),
  values: ({ objective, latent }) => ({
    shift: [1],
    scale: [1],
    ...(objective === "reconstruction" ? {} : { c: [latent] }),
    ...(objective === "soft-boundary" ? { R: [1] } : {}),
  }),
  async begin(run) {
    const { objective, ae_epochs } = run.settings;
    if (objective === "reconstruction" || ae_epochs === 0) return new Map();
    return (await run.before(AUTOENCODER, pretraining(run.settings))).tensors;
  },
  async prepare(model, run, set) {
    const { gpu, sizes: { latent }, values: { shift, scale: factor, c } } = model;
    const rescaling = rescalingOf(contrasts(set.normal));
    gpu.stream.write(shift, Float32Array.of(rescaling.shift));
    gpu.stream.write(factor, Float32Array.of(rescaling.scale));
    if (!c) return;
    const { networks: { net }, values } = model;
    const outputs = await measured(
      model,
      set,
      (tape, { pixels }) => net.forward("encoder", tape, normaliseContrast(tape, pixels, values)),
      { size: run.settings.batch_size, signal: run.signal },
    );
    gpu.stream.write(c, centreOf(outputs, latent));
  },
  train(model, settings, set) {
    const { radius_epochs } = settings;
    return {
      ...optimization(model, settings, set),
      async beginEpoch(epoch) {
        if (epoch > 1 && (epoch - 1) % radius_epochs === 0) await solveRadius(model, settings, set);
      },
    };
  },
  finish: (model, { settings, signal }, set) => solveRadius(model, settings, set, signal),
  score: (model, { pixels }) =>
    model.gpu.step(async (scope) => {
      const scores = beyond(model, scoringTape(scope), pixels);
      return { maps: null, scores: await scope.read(scores) };
    }),
});

const optimization = oneLoss<DsvddSettings, Sizes>({
  network: "net",
  optimizer: (gpu, parameters) => new Adam(gpu, parameters),
  loss: (model, tape, { pixels }, settings) => lossOf(model, tape, pixels, settings),
});

/** Sets the radius of the soft boundary, where there is one, by the network as it is. */
async function solveRadius(
  model: Model,
  { nu, batch_size }: DsvddSettings,
  set: TrainingSet,
  signal?: AbortSignal,
): Promise<void> {
  const { gpu, values: { R } } = model;
  if (!R) return;
  const d = await measured(model, set, (tape, { pixels }) => distances(model, tape, pixels), {
    size: batch_size,
    signal,
  });
  gpu.stream.write(R, Float32Array.of(radiusOf(d, nu)));
}

/** How far images [B, S, S, 3] are off, [B]: ‖z − c‖², or what the autoencoder's error is. */
function distances(model: Model, tape: Tape, pixels: Tensor, options?: PassOptions): Tensor {
  const { sizes: { objective, S }, networks: { net }, values } = model;
  const x = normaliseContrast(tape, pixels, values), z = net.forward("encoder", tape, x, options);
  if (objective !== "reconstruction") return squaredDistance(tape, z, values.c);
  const errors = square(tape, subtract(tape, net.forward("decoder", tape, z, options), x));
  return scale(tape, meanImages(tape, errors), 3 * S * S);
}

/** How far they are beyond the boundary, [B]: ‖z − c‖² − R²; their distances where there is none. */
function beyond(model: Model, tape: Tape, pixels: Tensor, options?: PassOptions): Tensor {
  const d = distances(model, tape, pixels, options), { R } = model.values;
  return R ? subtract(tape, d.view([d.size, 1]), square(tape, R)).view([d.size]) : d;
}

/** The mean distance of a batch (eq. 4); or R² and what is beyond it, 1 / ν times (eq. 3). */
function lossOf(model: Model, tape: Tape, pixels: Tensor, { nu }: DsvddSettings): Tensor {
  const d = beyond(model, tape, pixels, { training: true }), { R } = model.values;
  if (!R) return mean(tape, d);
  return weightedSum(tape, [[1, square(tape, R)], [1 / nu, mean(tape, activation(tape, d, "relu"))]]);
}

/** c: the mean of outputs, whose values next to 0 are moved away from it. */
function centreOf(outputs: Float32Array, latent: number): Float32Array<ArrayBuffer> {
  const sums = new Float64Array(latent), images = outputs.length / latent;
  outputs.forEach((z, i) => sums[i % latent] += z);
  return Float32Array.from(sums, (sum) => {
    const c = sum / images;
    return Math.abs(c) >= LEAST ? c : c < 0 ? -LEAST : LEAST;
  });
}

/** R, for which eq. 3 is least as the network is: the 1 − ν quantile of the training images' distances. */
function radiusOf(distances: Float32Array, nu: number): number {
  const sorted = distances.toSorted(), at = (1 - nu) * (sorted.length - 1), i = Math.floor(at);
  const [below, above] = [sorted[i], sorted[Math.min(i + 1, sorted.length - 1)]].map(Math.sqrt);
  return below + (at - i) * (above - below);
}
