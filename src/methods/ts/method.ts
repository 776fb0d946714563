/**
 * `ts`, Uninformed Students (Bergmann et al. 2020, arXiv 1911.02357): an ensemble of M students regresses the features of a frozen
 * teacher at each position. Its score is the squared error of their mean and the variance of what they say (eq. 7 and 8), each
 * normalised by its mean and deviation on normal images.
 *
 * A model file has `error_mean` and `error_scale`, one over the deviation, and the same of `variance`, [1] each.
 *
 * @module
 */
import { multiply, scale, subtract } from "../../autograd/arithmetic.ts";
import { squaredDistance } from "../../autograd/distances.ts";
import { add, meanSquaredError } from "../../autograd/ops.ts";
import { weightedSum } from "../../autograd/reductions.ts";
import { concat } from "../../autograd/shapes.ts";
import type { Tape } from "../../autograd/tape.ts";
import { upsample } from "../../autograd/upsample.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { PassOptions } from "../../model/network.ts";
import { Adam } from "../../optim/adam.ts";
import { scoreByShare } from "../maps.ts";
import { measured } from "../measure.ts";
import { whole } from "../settings.ts";
import { measureTeacher, taught, teacherValues } from "../teacher.ts";
import { type Batch, scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { students, type StudentSizes } from "./net.ts";
import { STUDENT_RULES, studentDefaults, type StudentSettings } from "./settings.ts";

type Sizes = Omit<StudentSizes, "C">;
type Model = TrainedModel<Sizes>;

/** The method. */
export const ts = trainedMethod<StudentSettings, Sizes>({
  name: "ts",
  about: "how far students are from the frozen backbone and from each other (Bergmann et al. 2020)",
  input: "both",
  maps: true,
  settings: STUDENT_RULES,
  defaults: studentDefaults,
  lower: ["width", "students"],
  sizes: {
    students: whole(1, 64),
    receptive_field: STUDENT_RULES.receptive_field.schema,
    width: whole(1, 1024),
  },
  sizesOf: ({ students, receptive_field, width }) => ({ students, receptive_field, width }),
  networks: (sizes) => ({ students: students(sizes) }),
  values: (sizes) => ({
    ...teacherValues(sizes),
    ...Object.fromEntries(MEASURES.map((name) => [name, [1]])),
  }),
  // deno-lint-ignore require-await -- what it throws rejects
  prepare: async (model, _, set) => measureTeacher(model, set),
  train: oneLoss({
    network: "students",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss: (model, tape, { pixels, features }) => {
      const teacher = taught(tape, model, features), positions = teacher.size / teacher.shape[3];
      return weightedSum(
        tape,
        said(model, tape, pixels, { training: true }).map((y) =>
          [1, meanSquaredError(tape, y, teacher, positions)] as const
        ),
      );
    },
  }),
  async finish(model, { settings: { batch_size: size }, signal }, set) {
    const { gpu: { stream }, values } = model,
      both = (tape: Tape, batch: Batch) => {
        const { error, variance } = measures(model, tape, batch);
        return concat(tape, [error, variance].map((x) => x.view([x.size, 1])));
      };
    const found = await measured(model, set, both, { size, signal });
    for (const [i, name] of ["error", "variance"].entries()) {
      const { mean, deviation } = momentsOf(found.filter((_, at) => at % 2 === i));
      stream.write(values[`${name}_mean`], Float32Array.of(mean));
      stream.write(values[`${name}_scale`], Float32Array.of(1 / Math.max(deviation, LEAST_DEVIATION)));
    }
  },
  score: (model, batch, settings) =>
    scoreByShare(model.gpu, model.sizes, settings, (gpu) => {
      const tape = scoringTape(gpu), { error, variance } = measures(model, tape, batch), { values } = model;
      const normalised = (x: Tensor, name: string) =>
        multiply(tape, subtract(tape, x.view([x.size, 1]), values[`${name}_mean`]), values[`${name}_scale`]);
      return add(tape, normalised(error, "error"), normalised(variance, "variance"));
    }),
});

const MEASURES = ["error_mean", "error_scale", "variance_mean", "variance_scale"];
/** One student has no variance, and one that has learned everything no error: neither is blown up. */
const LEAST_DEVIATION = 1e-6;

/** What each student says of the teacher's features: [B, H, W, C]. */
function said({ networks, sizes }: Model, tape: Tape, pixels: Tensor, options?: PassOptions): Tensor[] {
  const { H, W } = sizes;
  return Object.keys(students(sizes)).map((student) => {
    const y = networks.students.forward(student, tape, pixels, options);
    return y.shape[1] === H ? y : upsample(tape, y, [H, W], "bilinear", { alignCorners: true });
  });
}

/** ‖μ − teacher‖² of the students' mean μ, and the mean of ‖student − μ‖² over them, at each position: [B, H, W]. */
function measures(
  model: Model,
  tape: Tape,
  { pixels, features }: Pick<Batch, "pixels" | "features">,
): { error: Tensor; variance: Tensor } {
  const each = said(model, tape, pixels), M = each.length;
  const sumOf = (tensors: readonly Tensor[]) => tensors.reduce((sum, x) => add(tape, sum, x));
  const mean = scale(tape, sumOf(each), 1 / M);
  return {
    error: squaredDistance(tape, mean, taught(tape, model, features)),
    variance: scale(tape, sumOf(each.map((y) => squaredDistance(tape, y, mean))), 1 / M),
  };
}

function momentsOf(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return {
    mean,
    deviation: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length),
  };
}
