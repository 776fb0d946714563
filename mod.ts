/**
 * adtr: visual anomaly detection on any GPU that speaks WebGPU. ADTR (You et al. 2022, arXiv 2209.01816) learns to
 * reconstruct the features of normal images; where it fails, there is the defect.
 *
 * Score an image with a trained model:
 *
 * ```ts
 * import { Gpu, openModel } from "@adtr/adtr";
 *
 * const gpu = await Gpu.open();
 * const model = await openModel(gpu, "runs/bottle/model.safetensors");
 * const { map, size, score } = await model.score(await Deno.readFile("photo.png"));
 * gpu.close();
 * ```
 *
 * @module
 */

// The GPU, tensors on it, and automatic differentiation.
export { type AdapterInfo, Gpu, type GpuOptions } from "./src/gpu/gpu.ts";
export type { Compute, Scope } from "./src/gpu/compute.ts";
export type { AdapterKind, Profile } from "./src/gpu/profile.ts";
export { GpuError, type GpuErrorKind, KernelError } from "./src/gpu/error.ts";
export type { Memory, MemoryStats, Slab } from "./src/gpu/memory.ts";
export type { Stream } from "./src/gpu/stream.ts";
export type { Tensors } from "./src/gpu/pipelines.ts";
export type { ValuesOf } from "./src/gpu/readback.ts";
export type { KernelTime } from "./src/gpu/timing.ts";
export type { Kernel } from "./src/gpu/kernel.ts";
export { type AnyTensor, type DType, Tensor, type Values } from "./src/gpu/tensor.ts";
export { type GradientSlot, Tape, type TapeOptions } from "./src/autograd/tape.ts";
export { linear, type LinearOptions } from "./src/autograd/linear.ts";
export { attention } from "./src/autograd/attention.ts";
export { conv3x3 } from "./src/autograd/conv.ts";
export { add, layerNorm, meanSquaredError, positions } from "./src/autograd/ops.ts";
export { imageLoss, type ImageLossOptions, pixelLoss, type PixelLossOptions } from "./src/autograd/losses.ts";
export { type HostTensor, Parameters } from "./src/optim/parameters.ts";
export type { Optimizer, StepOptions } from "./src/optim/optimizer.ts";
export { AdamW, type AdamWOptions } from "./src/optim/adamw.ts";

// Frozen features, the transformer, scores, model files.
export type { Backbone } from "./src/model/backbone.ts";
export { type BackboneOptions, openBackbone, type OpenedBackbone } from "./src/train/backbone.ts";
export {
  Adtr,
  type AdtrConfig,
  adtrShapes,
  type Architecture,
  ARCHITECTURES,
  initialAdtr,
  paddedChannels,
} from "./src/model/adtr.ts";
export { Detector, type ModelState, type ScoreOptions, type Scores } from "./src/methods/adtr/detector.ts";
export type { Normalisation } from "./src/model/normalisation.ts";
export { type ModelFile, readModel, readParameters, writeModel } from "./src/model/model_file.ts";

// What the commands do.
export {
  backboneDefaults,
  BACKBONES,
  DEMO,
  LOSSES,
  METHODS,
  PAPER,
  type PresetName,
  presetSettings,
  type Settings,
} from "./src/train/settings.ts";
export { adtrConfig, trainCategory, type Trained } from "./src/train/train.ts";
export { fitCategory } from "./src/train/fit.ts";
export type { Scorer } from "./src/train/scorer.ts";
export { METHOD_NAMES, type MethodName, type MethodScores } from "./src/methods/method.ts";
export type { TrainOptions } from "./src/train/train_options.ts";
export {
  evaluateCategory,
  type EvaluatedImage,
  type Evaluation,
  type Metrics,
} from "./src/score/evaluate.ts";
export { type ScoredImage, scoreImages } from "./src/score/score.ts";
export { type ImageScore, openModel, type OpenModelOptions, ScoringModel } from "./src/score/open_model.ts";
export { extractFeatures, type FeatureSource } from "./src/score/features.ts";
export type { OnProgress, ProgressEvent } from "./src/train/progress.ts";

// Data and metrics.
export { listAnomalous, listOutliers } from "./src/host/anomalous.ts";
export {
  type AnomalousImage,
  type Category,
  listCategories,
  openCategory,
  type TestImage,
} from "./src/host/dataset.ts";
export { type DatasetOptions, makeDataset } from "./src/host/make_dataset.ts";
export { proceduralCategories } from "./src/data/procedural/sample.ts";
export { decodeImage, decodeMask, encodePng, type Image, type Mask } from "./src/data/image.ts";
export type { AnomalyName } from "./src/data/anomalies/catalogue.ts";
export { resizeBilinear } from "./src/data/resize.ts";
export { heatmap, type HeatmapInput, sharedRange } from "./src/report/heatmap.ts";
export { type ImageMetrics, imageMetrics, type PixelMetrics, pixelMetrics } from "./src/metrics/metrics.ts";
export { InputError } from "./src/errors.ts";
