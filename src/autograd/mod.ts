/**
 * Tensors on the GPU and automatic differentiation: ops under PyTorch's names, parameters, optimizers.
 *
 * ```ts
 * import { Gpu } from "@adtr/adtr";
 * import { linear, meanSquaredError, Tape } from "@adtr/adtr/autograd";
 *
 * using gpu = await Gpu.open();
 * await gpu.step(async (scope) => { // what is made within goes back at its end
 *   const x = scope.tensor([1, 2], [1, 2]), weight = scope.tensor([3, 4], [1, 2]), bias = scope.tensor([0]);
 *   weight.requiresGrad = true;
 *   const tape = new Tape(scope);
 *   tape.backward(meanSquaredError(tape, linear(tape, x, weight, bias), scope.tensor([10], [1, 1])));
 *   console.log(await scope.read(tape.gradient(weight)));
 * });
 * ```
 *
 * @module
 */
export { Gpu } from "../gpu/gpu.ts";
export type { Compute, Scope } from "../gpu/compute.ts";
export type { Kernel } from "../gpu/kernel.ts";
export type { Memory, MemoryStats, Slab } from "../gpu/memory.ts";
export type { Tensors } from "../gpu/pipelines.ts";
export type { AdapterKind, Profile } from "../gpu/profile.ts";
export type { ValuesOf } from "../gpu/readback.ts";
export type { Stream } from "../gpu/stream.ts";
export { type AnyTensor, type DType, Tensor, type Values } from "../gpu/tensor.ts";
export type { KernelTime } from "../gpu/timing.ts";
export { type GradientSlot, Tape, type TapeOptions } from "./tape.ts";
export { linear, type LinearOptions } from "./linear.ts";
export { attention } from "./attention.ts";
export { conv, type ConvOptions } from "./conv.ts";
export { convTranspose, type ConvTransposeOptions } from "./conv_transpose.ts";
export type { Act } from "../kernels/conv/act.ts";
export { activation } from "./activations.ts";
export {
  abs,
  clamp,
  exp,
  log,
  multiply,
  pseudoHuber,
  scale,
  scaleRows,
  sqrt,
  square,
  subtract,
} from "./arithmetic.ts";
export { mean, meanImages, sum, sumChannels, weightedSum } from "./reductions.ts";
export {
  type Border,
  channels,
  concat,
  crop,
  detach,
  expand,
  pad,
  type Rectangle,
  reshape,
} from "./shapes.ts";
export { blockTriangle } from "./masks.ts";
export { add, layerNorm, meanSquaredError, positions } from "./ops.ts";
export { type Affine, batchNorm, type BatchNormOptions, instanceNorm, type Running } from "./norms.ts";
export { averagePool, maxPool, meanPositions, type PoolOptions } from "./pooling.ts";
export { upsample } from "./upsample.ts";
export { cosineDistance, l1Loss, smoothL1Loss } from "./distances.ts";
export { binaryCrossEntropy, crossEntropy, logSoftmax, softmax } from "./cross_entropy.ts";
export { klNormal, normals, reparametrise } from "./gaussians.ts";
export { ssim, type SsimOptions } from "./ssim.ts";
export { fcddLoss, imageLoss, type ImageLossOptions, pixelLoss, type PixelLossOptions } from "./losses.ts";
export { type HostTensor, Parameters } from "../optim/parameters.ts";
export type { Optimizer, StepOptions } from "../optim/optimizer.ts";
export { AdamW, type AdamWOptions } from "../optim/adamw.ts";
export { Adam, type AdamOptions } from "../optim/adam.ts";
export { Sgd, type SgdOptions } from "../optim/sgd.ts";
export { FlatOptimizer, type Pieces } from "../optim/flat_optimizer.ts";
export { cosine, exponential, multiStep, stepDecay } from "../optim/schedules.ts";
export {
  Adtr,
  type AdtrConfig,
  adtrShapes,
  type Architecture,
  ARCHITECTURES,
  initialAdtr,
} from "../model/adtr.ts";
