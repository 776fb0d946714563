/**
 * adtr: visual anomaly detection on any GPU that speaks WebGPU, under Deno and in browsers. ADTR (You et al. 2022, arXiv
 * 2209.01816) learns to reconstruct the features of normal images; where it fails, there is the defect.
 *
 * Train on photographs of good products, and score another one:
 *
 * ```ts
 * import { Gpu, train } from "@adtr/adtr";
 *
 * // Bytes of PNG, JPEG, BMP or TIFF files; pixels are taken too.
 * const photo = async (name: string) => await (await fetch(new URL(name, import.meta.url))).bytes();
 * const good = await Promise.all(["good/1.jpg", "good/2.jpg", "good/3.jpg"].map(photo));
 *
 * using gpu = await Gpu.open();
 * using model = await train(gpu, { data: good, method: "padim" });
 * const { score, label, map } = await model.score(await photo("new.jpg"));
 * ```
 *
 * A model's file, from `model.toBytes()` or the command line's `train`, is opened by {@linkcode openModelBytes}; by its path,
 * with all else that takes files, in `@adtr/adtr/host`. Tensors and gradients are in `@adtr/adtr/autograd`, images, masks,
 * procedural data and synthetic anomalies in `@adtr/adtr/data`.
 *
 * A bundle for browsers (`deno bundle --platform browser`) looks for these beside itself, when it needs them: the decoders
 * of JPEG and WebP, `mozjpeg_dec.wasm` and `webp_dec.wasm` of the packages `@jsquash/jpeg` and `@jsquash/webp`, and the
 * weights that come with this one, `src/model/weights` as a folder `weights`. examples/browser makes such a folder. Pages must come from https or localhost.
 *
 * @module
 */
export { Gpu, type GpuOptions } from "./src/gpu/gpu.ts";
export type { AdapterInfo } from "./src/gpu/profile.ts";
export type { Compute, Scope } from "./src/gpu/compute.ts";
export { GpuError, type GpuErrorKind, KernelError } from "./src/gpu/error.ts";
export { InputError, SettingError, UsageError } from "./src/errors.ts";

export {
  memoryData,
  type MemoryImages,
  train,
  type TrainData,
  type TrainOptions,
} from "./src/train/train.ts";
export type { Journal, LogEntry } from "./src/train/journal.ts";
export type { Checkpoint, Identity } from "./src/train/checkpoint.ts";
export type { Shelf } from "./src/score/kept.ts";
export { Model } from "./src/score/model.ts";
export { type Decided, type Label, type Verdict } from "./src/score/verdict.ts";
export {
  type QueuedOptions,
  QueueFull,
  type Scoring,
  ScoringQueue,
  type ScoringQueueOptions,
} from "./src/score/queue.ts";
export { type Region, regionsOf } from "./src/score/regions.ts";
export type { Decision, HeldOut, Threshold, ThresholdSource } from "./src/methods/decision.ts";
export { decisionBy, type DecisionRules, type Evidence, type Labelled } from "./src/score/threshold.ts";
export type { FloatMap, Rect } from "./src/data/float_map.ts";
export {
  areaIn,
  type Extent,
  type Fit,
  type Frame,
  type FrameSettings,
  type Framing,
  framingOf,
  type Piece,
  type Span,
} from "./src/data/frame.ts";
export { type Length, type MaskOfInterest, type RegionOfInterest, roiOfMask } from "./src/data/roi.ts";
export { openModelBytes, type OpenModelOptions } from "./src/score/open_model.ts";
export { exportOnnx, type OnnxOptions } from "./src/score/onnx.ts";
export {
  type DecisionMetrics,
  type DefectMetrics,
  evaluateCategory,
  type EvaluatedImage,
  type EvaluateOptions,
  type Evaluation,
  type Metrics,
  type MissingMasks,
} from "./src/score/evaluate.ts";
export { type ScoredImage, scoreImages, type ScoreImagesOptions, type Scorer } from "./src/score/score.ts";
export { extractFeatures, type FeatureSource, type FeatureStore } from "./src/score/features.ts";
export type { OnProgress, ProgressEvent } from "./src/progress.ts";

export { METHOD_NAMES } from "./src/methods/registry.ts";
export type { Projection } from "./src/methods/projection.ts";
export { type Given, resolveSettings } from "./src/methods/resolve.ts";
export type { CommonSettings, PresetName, Settings, Value } from "./src/methods/settings.ts";
export type { DataKind, Fitted, MethodTraits, Scores, ScoreSettings, State } from "./src/methods/method.ts";
export type { Backbone } from "./src/model/backbone.ts";
export { BACKBONE_NAMES, type BackboneName } from "./src/model/backbones.ts";
export { type BackboneOptions, openBackbone } from "./src/model/open_backbone.ts";
export {
  type Content,
  type Dtype,
  expectTensor,
  stored,
  type StoredTensor,
  type StoredValues,
  type TensorFile,
} from "./src/formats/tensor_file.ts";
export { parseWeightFile, type WeightFile, type WeightFileOptions } from "./src/formats/weight_file.ts";

export type { Confusion } from "./src/metrics/decision.ts";
export { type ImageMetrics, imageMetrics, type PixelMetrics, pixelMetrics } from "./src/metrics/metrics.ts";
export { type LabelledMap, PixelTally } from "./src/metrics/pixel_tally.ts";
export type { VisitPoint } from "./src/metrics/aupro.ts";
export type { Counts } from "./src/metrics/ranking.ts";
export { heatmap, type HeatmapInput, sharedRange } from "./src/report/heatmap.ts";
export { decodeImage, encodePng, type Image } from "./src/data/image.ts";
export { resizeBilinear } from "./src/data/resize.ts";
