/**
 * `fcdd` (Liznerski et al. 2021, arXiv 2007.01760): a fully convolutional network whose map is small, by the pseudo-Huber function,
 * where an image is normal, and large where it is anomalous (eq. 3). Its Gaussian enlargement is the map of the image.
 *
 * @module
 */
import { pseudoHuber } from "../../autograd/arithmetic.ts";
import { fcddLoss } from "../../autograd/losses.ts";
import { reshape } from "../../autograd/shapes.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { PassOptions } from "../../model/network.ts";
import { Sgd } from "../../optim/sgd.ts";
import { exponential } from "../../optim/schedules.ts";
import { scoreByShare } from "../maps.ts";
import { whole } from "../settings.ts";
import { measureTeacher, taught, teacherValues } from "../teacher.ts";
import type { Sample } from "../trainable.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { network } from "./net.ts";
import { FCDD_RULES, fcddDefaults, type FcddSettings } from "./settings.ts";

type Sizes = { width: number };

/** The method. */
export const fcdd = trainedMethod<FcddSettings, Sizes>({
  name: "fcdd",
  about:
    "a map that is small where features are normal, learned with {labels} of anomalies (Liznerski et al. 2021)",
  input: "features",
  maps: true,
  settings: FCDD_RULES,
  defaults: fcddDefaults,
  labels: ({ labels }) => labels === "none" ? null : labels,
  labelled: { pixels: { labels: "pixels" }, images: { labels: "images" } },
  variants: () => ({ "fcdd-normal": { settings: { labels: "none" } } }),
  lower: ["width"],
  sizes: { width: whole(1, 65536) },
  sizesOf: ({ width }) => ({ width }),
  networks: (sizes) => ({ network: network(sizes) }),
  values: teacherValues,
  // deno-lint-ignore require-await -- what it throws rejects
  prepare: async (model, _, set) => measureTeacher(model, set),
  train: oneLoss({
    network: "network",
    optimizer: (gpu, parameters) => new Sgd(gpu, parameters),
    options: ({ lr, weight_decay, clip }, epoch) => ({
      lr: exponential(lr, epoch, 0.985),
      weight_decay,
      clip,
      momentum: 0.9,
      nesterov: true,
    }),
    loss: (model, tape, { features, samples }) => {
      const A = mapOf(model, tape, features, { training: true });
      return fcddLoss(tape, A, labelsOf(tape.gpu, samples, A));
    },
  }),
  score: (model, { features }, settings) =>
    scoreByShare(model.gpu, model.sizes, settings, (gpu) => mapOf(model, scoringTape(gpu), features)),
});

/** A of features [B, N, C]: [B, H, W]. */
function mapOf(model: TrainedModel<Sizes>, tape: Tape, features: Tensor, options?: PassOptions): Tensor {
  const a = model.networks.network.forward("map", tape, taught(tape, model, features), options);
  return reshape(tape, pseudoHuber(tape, a), a.shape.slice(0, 3));
}

/** Labels of positions, of A's shape, or of images, [B]. */
function labelsOf(gpu: Compute, samples: readonly Sample[], A: Tensor): Tensor {
  const all = samples.flatMap(({ label }) => [...label]);
  return gpu.tensor(all, all.length === samples.length ? [samples.length] : A.shape);
}
