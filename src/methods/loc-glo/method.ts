/**
 * `loc-glo` (Wang et al. 2021, Glancing at the Patch, doi 10.1109/CVPR46437.2021.00032): Local-Net learns a frozen teacher's features
 * of patches, Global-Net to say Local-Net's from what is around a patch; heads learn to tell patches from elsewhere, and distorted
 * ones, by both features.
 *
 *     ‖T(F_local) − teacher‖² + ‖F_global − F_local‖² + BCE(inconsistency) + BCE(distortion)
 *     score of a patch: ‖F_global − F_local‖² / its mean on normal images − w log p(consistent) − w log p(undistorted)
 *
 * A model file has `distance_scale` [1], one over that mean.
 *
 * @module
 */
import { activation } from "../../autograd/activations.ts";
import { multiply, scale } from "../../autograd/arithmetic.ts";
import { squaredDistance } from "../../autograd/distances.ts";
import { add, meanSquaredError } from "../../autograd/ops.ts";
import { weightedSum } from "../../autograd/reductions.ts";
import { concat, detach } from "../../autograd/shapes.ts";
import type { Tape } from "../../autograd/tape.ts";
import { upsample } from "../../autograd/upsample.ts";
import { SettingError } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { upload } from "../../model/batches.ts";
import { Adam } from "../../optim/adam.ts";
import { says, together } from "../adversarial.ts";
import { scoreByShare } from "../maps.ts";
import { measured } from "../measure.ts";
import { oneOfNumbers, whole } from "../settings.ts";
import { measureTeacher, taught, teacherValues } from "../teacher.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { locGloNets, type LocGloSizes, PATCHES, STEP } from "./net.ts";
import { distorted, moved } from "./patches.ts";
import { LOC_GLO_RULES, locGloDefaults, type LocGloSettings } from "./settings.ts";

type Sizes = Omit<LocGloSizes, "C">;
type Model = TrainedModel<Sizes>;

/** The method. */
export const locGlo = trainedMethod<LocGloSettings, Sizes>({
  name: "loc-glo",
  about: "how far patches are from what their surroundings say of them (Wang et al. 2021)",
  input: "both",
  maps: true,
  settings: LOC_GLO_RULES,
  defaults: locGloDefaults,
  check({ image_size, patch }) {
    if (image_size >= patch) return;
    throw new SettingError(`Expected {image_size} to be at least {patch} ${patch}, but found ${image_size}`);
  },
  lower: ["width", "code"],
  sizes: {
    patch: oneOfNumbers(...PATCHES),
    width: whole(1, 1024),
    code: whole(1, 4096),
  },
  sizesOf: ({ patch, width, code }) => ({ patch, width, code }),
  networks: (sizes) => ({ patches: locGloNets(sizes) }),
  values: (sizes) => ({ ...teacherValues(sizes), distance_scale: [1] }),
  // deno-lint-ignore require-await -- what it throws rejects
  prepare: async (model, _, set) => measureTeacher(model, set),
  train: oneLoss({
    network: "patches",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss(model, tape, { pixels, features, samples }, { seed }, { step }) {
      const { S, patch } = model.sizes, random = new Random(seed, `patches ${step}`), B = samples.length;
      const { local, global } = see(model, tape, pixels), image = (i: number) => samples[i % B].pixels!;
      const other = random.below(B);
      const strange = [
        samples.map((_, i) => moved(random, image(i + other), S, patch)),
        samples.map((_, i) => distorted(random, image(i), S, patch)),
      ];
      const known = [detach(local), detach(global)] as const; // heads teach nobody
      const [inconsistency, distortion] = HEADS.map((head, i) => {
        const images = upload(tape.gpu, strange[i], { C: 3, H: S, W: S }).view(pixels.shape);
        const wrong = look(model, tape, "local", images, true);
        const judged = together(tape, known[0], wrong), by = together(tape, known[1], known[1]);
        return says(tape, judge(model, tape, head, judged, by), 0, 1);
      });
      const parts = {
        distillation: distanceTo(tape, learned(model, tape, local), taught(tape, model, features)),
        mimicry: distanceTo(tape, global, known[0]),
        inconsistency,
        distortion,
      };
      return { loss: weightedSum(tape, Object.values(parts).map((part) => [1, part] as const)), parts };
    },
  }),
  async finish(model, { settings: { batch_size: size }, signal }, set) {
    const distances = await measured(model, set, (tape, { pixels }) => {
      const { local, global } = see(model, tape, pixels);
      return squaredDistance(tape, local, global);
    }, { size, signal });
    const mean = distances.reduce((sum, x) => sum + x, 0) / distances.length;
    model.gpu.stream.write(model.values.distance_scale, Float32Array.of(1 / Math.max(mean, LEAST_MEAN)));
  },
  score: (model, { pixels }, settings) => {
    const side = Math.floor(model.sizes.S / STEP);
    return scoreByShare(model.gpu, { C: 1, H: side, W: side }, settings, (gpu) => {
      const tape = scoringTape(gpu), { local, global } = see(model, tape, pixels);
      const d = squaredDistance(tape, local, global);
      return HEADS.reduce((sum, head) => {
        const surprise = activation(tape, judge(model, tape, head, local, global), "softplus"); // −log(1 − p)
        return add(tape, sum, scale(tape, surprise, Number(settings[`w_${head}`])));
      }, multiply(tape, d.view([...d.shape, 1]), model.values.distance_scale));
    });
  },
});

const HEADS = ["inconsistency", "distortion"] as const;
/** Images all alike may be said without error: that is not blown up. */
const LEAST_MEAN = 1e-6;

/** Features of patches [B, S, S, 3] in 0..1, or of what is around them: [B, S / 4, S / 4, D]. */
function look(model: Model, tape: Tape, net: "local" | "global", pixels: Tensor, frozen = false): Tensor {
  return model.networks.patches.forward(net, tape, scale(tape, pixels, 2, -1), { frozen });
}

function see(model: Model, tape: Tape, pixels: Tensor): { local: Tensor; global: Tensor } {
  return { local: look(model, tape, "local", pixels), global: look(model, tape, "global", pixels) };
}

/** What patches' features say of the teacher's, [B, H, W, C]. */
function learned({ networks: { patches }, sizes: { H, W } }: Model, tape: Tape, local: Tensor): Tensor {
  const y = patches.forward("teacher", tape, local);
  return y.shape[1] === H ? y : upsample(tape, y, [H, W], "bilinear", { alignCorners: true });
}

/** Logits of a head, of patches that are anomalous: [B, S / 4, S / 4, 1]. */
function judge(
  { networks: { patches } }: Model,
  tape: Tape,
  head: typeof HEADS[number],
  local: Tensor,
  global: Tensor,
): Tensor {
  return patches.forward(head, tape, concat(tape, [local, global]));
}

/** The mean of ‖x − target‖² over positions, [1]. */
function distanceTo(tape: Tape, x: Tensor, target: Tensor): Tensor {
  return meanSquaredError(tape, x, target, x.size / x.shape[3]);
}
