/**
 * What methods share that learn from a frozen backbone's features: each channel centred and scaled by the training images, since
 * those of different backbones, levels and channels differ in size by orders of magnitude.
 *
 * A model file has their `teacher_mean` and `teacher_scale`, one over the standard deviation, [C] each.
 *
 * @module
 */
import { multiply, subtract } from "../autograd/arithmetic.ts";
import type { Tape } from "../autograd/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { TrainingSet } from "./trainable.ts";
import type { TrainedModel, TrainedSizes } from "./trained.ts";

/** A channel that varies less than this is constant but for rounding: it is not blown up. */
const LEAST_DEVIATION = 1e-6;

/** The shapes of what is kept. */
export function teacherValues({ C }: Pick<TrainedSizes, "C">): Record<string, readonly number[]> {
  return { teacher_mean: [C], teacher_scale: [C] };
}

/** Measures the features of the normal training images. */
export function measureTeacher({ gpu, sizes: { C }, values }: TrainedModel, { normal }: TrainingSet): void {
  const rows = normal.reduce((sum, { length }) => sum + length, 0) / C;
  const mean = new Float64Array(C), square = new Float64Array(C);
  for (const image of normal) image.forEach((x, i) => mean[i % C] += x / rows);
  for (const image of normal) image.forEach((x, i) => square[i % C] += (x - mean[i % C]) ** 2 / rows);
  const scale = square.map(Math.sqrt).map((deviation) => deviation < LEAST_DEVIATION ? 1 : 1 / deviation);
  gpu.stream.write(values.teacher_mean, Float32Array.from(mean));
  gpu.stream.write(values.teacher_scale, Float32Array.from(scale));
}

/** Features [B, N, C] as they are learned from: maps [B, H, W, C]. */
export function taught(tape: Tape, { sizes: { H, W, C }, values }: TrainedModel, features: Tensor): Tensor {
  const centred = subtract(tape, features, values.teacher_mean);
  return multiply(tape, centred, values.teacher_scale).view([features.shape[0], H, W, C]);
}
