/**
 * What a method is (docs/methods.md): it learns from the images of a category, gives maps and scores, and can be stored and
 * opened again. Each is a folder of this one, named after it; registry.ts has them all. What is said here is all that
 * the rest of the program knows of one.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import type { TensorFile } from "../formats/tensor_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { FeatureSizes } from "../model/batches.ts";
import type { HostTensor } from "../optim/parameters.ts";
import type { CommonSettings, PresetName, Rules, Settings, Value } from "./settings.ts";
import type { Trainable, TrainingSet, TrainingSetOptions } from "./trainable.ts";

/** What a method looks at and what it gives: all that those need to know of one who score with it. */
export interface MethodTraits {
  /** Its folder's, and what `--method` calls it. */
  readonly name: string;
  /** What it looks at: features of a frozen backbone, the images' pixels, or both, as a student of that backbone does. */
  readonly input: "features" | "pixels" | "both";
  /** Whether it also looks at features of whole images. */
  readonly pooled: boolean;
  /** Whether it gives maps; without them scores only. */
  readonly maps: boolean;
}

/** A method with its own settings S. */
export interface Method<S extends object = Record<string, Value>> extends MethodTraits {
  /** What it is, in a line, with its paper; settings as `{loss}`. */
  readonly about: string;
  /** Its own settings. */
  readonly settings: Rules<S>;
  /** Whether another seed makes another model. */
  readonly seeded: boolean;
  /** Of anomalous images with labels, which it learns from, where it can: `null` with these settings from none. */
  readonly labels?: (settings: Settings<S>) => "pixels" | "images" | null;
  /** Settings with which it learns from labels of either kind, for messages. */
  readonly labelled?: { readonly pixels: Partial<S>; readonly images: Partial<S> };
  /**
   * Whether it learns what each position of an image looks like: with tiles, whose positions are those of any place in the
   * image, that suits textures only. Not so by default.
   */
  readonly positional?: true;
  /** Names of the trainings that may come before its own, `Run.before`. */
  readonly stages?: readonly string[];
  /** Variants that `reproduce` lists beside it, by their names. */
  readonly variants?: (data: DataKind) => Readonly<Record<string, Variant<S>>>;
  /** Variants of a paper's ablations, by their names: the settings that differ. */
  readonly ablations?: (
    settings: Settings<S>,
    levels: number | null,
  ) => Readonly<Record<string, Partial<Settings<S>>>>;

  /** Its own settings and, where it wants others than what holds for all methods, common ones. */
  defaults(about: Circumstances<S>): S & Partial<CommonSettings>;
  /** @throws {SettingError} where settings, each of which is allowed, don't fit together */
  check?(settings: Settings<S>): void;
  /** What learning and keeping it takes. */
  needs(settings: Settings<S>, data: DataSizes): MemoryNeeds;
  /** Floating-point operations of learning, where it takes long enough for a user to be told. */
  flops?(settings: Settings<S>, data: DataSizes): number;
  /** What `--init` is to hold. @throws {InputError} where the file has none of it */
  readInit?(file: TensorFile, settings: Settings<S>, sizes: FeatureSizes): unknown;
  /**
   * Learns: in closed form from what `run.images()` gives, or by steps of `run.optimize`.
   *
   * @throws {InputError} where memory won't do, or there is nothing to learn from the images; the signal's reason where
   *   that is aborted
   */
  learn(run: Run<S>): Promise<Fitted>;
  /** The same again from what `Fitted.state` gave. @throws {RangeError} where a tensor is missing or of another shape */
  open(gpu: Gpu, state: State): Promise<Fitted>;
  /** Its model's sizes and settings from a file. @throws {Error} of any kind where they are none, or beyond all bounds */
  readModel(model: unknown): ModelSizes;
  /**
   * Scoring, of what `Fitted.state` gave, as nodes of an ONNX graph; a method without it can't be exported so.
   *
   * @throws {RangeError} as `open` does
   */
  onnx?(graph: OnnxGraph, state: State, x: OnnxFeatures, settings: ScoreSettings): OnnxScores;
}

/** What `Fitted.score` takes, in an ONNX graph of B images. */
export interface OnnxFeatures {
  /** [B, N, C]; pixels [B, S · S, 3] where the method takes these. */
  readonly features: OnnxValue;
  /** [B, P]; null where there is no backbone. */
  readonly pooled: OnnxValue | null;
  /** [B, S · S, 3] in 0..1, where the method looks at both. */
  readonly pixels?: OnnxValue;
  readonly P: number;
}

/** What `Fitted.score` gives, in an ONNX graph of B images. */
export interface OnnxScores {
  /** [B, S, S]; null from a method that looks at whole images only. */
  readonly map: OnnxValue | null;
  /** [B] */
  readonly score: OnnxValue;
}

/** Where images come from, as far as defaults depend on it. */
export type DataKind = "demo" | "folder" | "cifar";

/** What defaults depend on. */
export interface Circumstances<S extends object = Record<string, Value>> {
  readonly preset: PresetName;
  readonly data: DataKind;
  /** The backbone in effect. */
  readonly backbone: string;
  /** What was given, of all settings. */
  readonly given: Partial<Settings<S>>;
}

/** A way to run a method under a name of its own. */
export interface Variant<S extends object = Record<string, Value>> {
  readonly settings: Partial<S>;
  /** The method or variant whose trained model it begins with. */
  readonly startsFrom?: string;
  /** What the command's option for its epochs sets. */
  readonly epochs?: keyof S;
}

/** How much there is to learn from. */
export interface DataSizes extends FeatureSizes {
  /** Normal training images. */
  readonly images: number;
  /** Values of a whole image's features. */
  readonly P: number;
  /** Side of the images. */
  readonly S: number;
  /** Channels of each of the backbone's levels, in their order in a feature; [C] where there is nothing to tell apart. */
  readonly levels: readonly number[];
}

/** What a model file says of a model's sizes. */
export interface ModelSizes extends FeatureSizes {
  /** Side of the images, where its networks' maps follow from it. */
  readonly S?: number;
}

/** What a method takes, at the moment when it takes most. */
export interface MemoryNeeds {
  /** Bytes on the GPU. */
  readonly gpu: number;
  /** Bytes on the host beyond the features themselves, with the copy that a model file is written from. */
  readonly host: number;
  /** Tensors that have to be bound at once. */
  readonly bound?: readonly {
    readonly what: string;
    readonly bytes: number;
    readonly lower: readonly string[];
  }[];
  /** Settings by which it is made less. */
  readonly lower: readonly string[];
  /** What else helps. */
  readonly or?: string;
}

/** Features of training images on the host. */
export interface TrainingImages {
  /** Of each image, [N, C], N = H · W; pixels [S · S, 3] in 0..1 where the method takes these. */
  readonly features: readonly Float32Array<ArrayBuffer>[];
  /** Of each image as a whole, [P], where the method looks at them; else empty. */
  readonly pooled: readonly Float32Array<ArrayBuffer>[];
  /** Of each image, [S · S, 3] in 0..1, where the method looks at these beside its features. */
  readonly pixels?: readonly Float32Array<ArrayBuffer>[];
}

/** A learning under way: what there is to learn from, and what the house does for it. */
export interface Run<S extends object = Record<string, Value>> {
  readonly gpu: Gpu;
  readonly settings: Settings<S>;
  readonly sizes: DataSizes;
  /** From `readInit`; undefined where nothing was given. */
  readonly init: unknown;
  readonly signal?: AbortSignal;
  /** The normal images. Once they are known, nothing of the data is left that could be refused. */
  images(): Promise<TrainingImages>;
  /** Batches of images to be trained on, with labels. Once it is there, nothing of the data is left that could be refused. */
  trainingSet(options: TrainingSetOptions): Promise<TrainingSet>;
  /** Whether a training was stopped and is to be gone on with: `optimize` will replace all parameters. */
  isResumed(): Promise<boolean>;
  /** Trains to the end of `epochs`, with logs and checkpoints. @throws the signal's reason where that is aborted */
  optimize(trainable: Trainable, set: TrainingSet, epochs: number): Promise<void>;
  /** Another training with other settings that comes first, in a place of its own. @returns what it ended with */
  before(name: string, change: Partial<Settings<S>>): Promise<State>;
  /** Tells how far a fit is; `unit` is what is counted. */
  onProgress(done: number, total: number, unit: string): void;
}

/** A model's values on the host, as a model file holds them. */
export interface State {
  /** What the method needs beside tensors: sizes and settings, as JSON. */
  readonly model: Readonly<Record<string, Value>>;
  /** By name; what they are is said in the method's files. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

/** A method that has learned, on the GPU. */
export interface Fitted extends Disposable {
  /** P of the features of whole images that it takes, where it takes any. */
  readonly P?: number;
  /**
   * Maps and scores of images; an image's do not depend on what else is in the batch.
   *
   * @param features [B, N, C] on the GPU, pixels [B, S · S, 3] where the method takes these; they stay the caller's
   * @param pooled of each image, [P], for the methods that look at it
   * @param pixels [B, S · S, 3] in 0..1 on the GPU, for the methods that look at both; they stay the caller's
   * @throws {RangeError} where features are of another size than in training, or `pooled` or `pixels` are missing
   */
  score(
    features: Tensor,
    pooled: readonly Float32Array[],
    settings: ScoreSettings,
    pixels?: Tensor,
  ): Promise<Scores>;
  /** Everything that makes it up. */
  state(): Promise<State>;
}

/** Settings that decide how maps and scores are made of what was learned: common ones, and a method's own. */
export type ScoreSettings = Pick<CommonSettings, "image_size" | "image_score" | "sigma"> & {
  readonly [own: string]: Value;
};

/** Scores of a batch. */
export interface Scores {
  /** [B, S, S], larger is more anomalous; null from a method that looks at whole images only. */
  maps: Float32Array<ArrayBuffer> | null;
  /** [B], larger is more anomalous. */
  scores: Float32Array<ArrayBuffer>;
  /** Where a score is its map's mean or maximum, as `image_score` says: the side of the squares that are averaged before. */
  window?: number;
}

/** A state's tensor. @throws {RangeError} where it is missing or of another shape; 0 in `shape` stands for any size but 0 */
export function tensorOf({ tensors }: State, name: string, shape: readonly number[]): HostTensor {
  const tensor = tensors.get(name);
  const fits = tensor?.shape.length === shape.length &&
    shape.every((d, i) => d === 0 ? tensor.shape[i] > 0 : d === tensor.shape[i]);
  if (!fits) {
    throw new RangeError(
      `Expected a tensor ${name} [${shape.map((d) => d || "any")}], but found [${tensor?.shape ?? "none"}]`,
    );
  }
  return tensor!;
}

/** Checks that features are those of maps of a model's size. */
export function checkFeatures({ shape }: Tensor, { H, W, C }: FeatureSizes): void {
  if (shape.length !== 3 || shape[1] !== H * W || shape[2] !== C) {
    throw new RangeError(`Expected features [images,${H * W},${C}], but found [${shape}]`);
  }
}

/** Checks that there are features of whole images, and as many as images. */
export function checkPooled(pooled: readonly Float32Array[], images: number): readonly Float32Array[] {
  if (pooled.length !== images) {
    throw new RangeError(`Expected features of ${images} whole images, but found ${pooled.length || "none"}`);
  }
  return pooled;
}

/** Checks that there are pixels of as many images of side S. */
export function checkPixels(pixels: Tensor | undefined, images: number, S: number): Tensor {
  const shape = [images, S * S, 3];
  if (pixels?.shape.length !== 3 || shape.some((d, i) => d !== pixels.shape[i])) {
    throw new RangeError(`Expected pixels [${shape}], but found ${pixels ? `[${pixels.shape}]` : "none"}`);
  }
  return pixels;
}

/** There are images, but nothing can be learned from them. */
export class NothingToLearn extends InputError {
  /** The class, as a stack trace shows it. */
  override name = "NothingToLearn";
}

/** The error for images of which nothing can be learned. */
export function allAlike(): NothingToLearn {
  return new NothingToLearn("Expected training images whose features differ, but found them all alike");
}
