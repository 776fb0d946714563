/**
 * `gradcon` (Kwon et al. 2020, Backpropagated Gradient Representations for Anomaly Detection, ECCV): an autoencoder is trained so that
 * gradients by its decoder's weights point where those of past images did; the loss is ‖x − x̂‖² − α · mean cos (eq. 4), the score
 * of an image, by its own gradients, ‖x − x̂‖² + β · (1 − mean cos), the squared errors as means.
 *
 * @module
 */
import { meanSquaredError } from "../../autograd/ops.ts";
import { weightedSum } from "../../autograd/reductions.ts";
import { scale } from "../../autograd/arithmetic.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { copyBox } from "../../kernels/dense/boxes.ts";
import { accumulate } from "../../kernels/dense/elementwise.ts";
import { Gates } from "../../model/gates.ts";
import { shapesIn } from "../../model/network.ts";
import type { Parameters } from "../../optim/parameters.ts";
import { Adam } from "../../optim/adam.ts";
import { whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { constrain, constraintOf } from "./constraint.ts";
import { autoencoder, CONSTRAINED, reconstruct, type ReconstructionOptions } from "./net.ts";
import { checkGradcon, GRADCON_RULES, gradconDefaults, type GradconSettings } from "./settings.ts";

/** Sizes beside those that every model has. */
type Sizes = { width: number };
type Model = TrainedModel<Sizes>;

/** Images whose gradients are computed in one step of the GPU, one after the other. */
const TOGETHER = 8;

/** The method. */
export const gradcon = trainedMethod<GradconSettings, Sizes>({
  name: "gradcon",
  about: "an autoencoder judged by the direction of its gradients too (Kwon et al. 2020)",
  input: "pixels",
  maps: false,
  settings: GRADCON_RULES,
  defaults: gradconDefaults,
  check: checkGradcon,
  lower: ["width"],
  sizes: { width: whole(1, 1024) },
  sizesOf: ({ width }) => ({ width }),
  networks: (sizes) => ({ net: autoencoder(sizes) }),
  values: (sizes) => {
    const shapes = shapesIn(autoencoder(sizes));
    return Object.fromEntries(CONSTRAINED.map((name) => [`past.${name}`, shapes.get(name)!]));
  },
  train(model, { lr, weight_decay, clip, constraint_weight }) {
    const { parameters } = model.networks.net, optimizer = new Adam(model.gpu, parameters);
    return {
      groups: [{ parameters, optimizer }],
      step(scope, { pixels }, { step }) {
        const gates = new Gates(); // the second derivative is that of the ReLUs as they are
        const errorOf = (tape: Tape) => reconstructionError(model, tape, pixels, { gates: gates.pass() });
        const { tape, error, constraint } = constrain(
          scope,
          parameters,
          errorOf,
          pastOf(model),
          constraint_weight,
        );
        remember(scope, model, parameters, step);
        const squares = optimizer.step(tape, { lr, weight_decay, clip });
        const sum = weightedSum(tape, [[1, error], [constraint_weight, constraint]]);
        const loss = scale(tape, sum, 1, -constraint_weight); // − α · mean cos
        return { loss, parts: { reconstruction: error, constraint }, squares, lr };
      },
    };
  },
  async score(model, { pixels, size }, { score_weight }) {
    const scores = new Float32Array(size);
    for (let first = 0; first < size; first += TOGETHER) {
      await model.gpu.step(async (scope) => {
        const count = Math.min(TOGETHER, size - first);
        const found = Array.from(
          { length: count },
          (_, i) => scoreOf(scope, model, imageOf(scope, pixels, first + i), Number(score_weight)),
        );
        scores.set((await scope.stream.read(...found)).map(([score]) => score), first);
      });
    }
    return { maps: null, scores };
  },
});

/** The means of past gradients, by layer. */
function pastOf({ values }: Model): Tensor[] {
  return CONSTRAINED.map((name) => values[`past.${name}`]);
}

/** The mean squared error of images, [1]. */
function reconstructionError(
  { networks: { net } }: Model,
  tape: Tape,
  pixels: Tensor,
  options: ReconstructionOptions,
): Tensor {
  return meanSquaredError(tape, reconstruct(net, tape, pixels, options), pixels);
}

/** Takes the gradients of step k, from 0 on, into the means: past = (k · past + g) / (k + 1). */
function remember(gpu: Compute, model: Model, parameters: Parameters, step: number): void {
  for (const [i, past] of pastOf(model).entries()) {
    const mean = gpu.empty(past.shape, "a mean gradient");
    accumulate(gpu, past, mean, false, step / (step + 1));
    accumulate(gpu, parameters.part(parameters.gradients, CONSTRAINED[i]), mean, true, 1 / (step + 1));
    gpu.stream.copy(mean, past);
  }
}

/** One of several images, [1, S, S, 3]. */
function imageOf(gpu: Compute, pixels: Tensor, i: number): Tensor {
  const shape = [1, ...pixels.shape.slice(1)], image = gpu.empty(shape, "an image");
  copyBox(gpu, pixels, { offset: i * image.size }, image, {}, [1, 1, image.size]);
  return image;
}

/** The score of an image by itself, [1]. */
function scoreOf(gpu: Compute, model: Model, image: Tensor, weight: number): Tensor {
  const { parameters } = model.networks.net, tape = scoringTape(gpu, true);
  const error = reconstructionError(model, tape, image, { frozen: true });
  tape.backward(error);
  const own = CONSTRAINED.map((name) => parameters.part(parameters.gradients, name));
  const constraint = constraintOf(scoringTape(gpu), own, pastOf(model));
  return weightedSum(scoringTape(gpu), [[1, error], [weight, constraint]]);
}
