/**
 * What the methods beside ADTR have in common (docs/method.md §10): the same features in, the same maps and scores out, and
 * a state that a model file can hold. Each method is a file of this folder; registry.ts has them by name.
 *
 * @module
 */
import type { HostTensor } from "../optim/parameters.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** The names of the methods. */
export const METHOD_NAMES = ["spade", "patchcore", "padim", "mahalanobis", "knn", "kde"] as const;

/** A method's name. */
export type MethodName = typeof METHOD_NAMES[number];

/** Everything that decides what a method makes of features; each reads what concerns it. */
export interface MethodSettings {
  /** Which. */
  method: MethodName;
  /** C: feature channels. */
  C: number;
  /** Height of the feature map. */
  H: number;
  /** Width of the feature map. */
  W: number;
  /** Of `patchcore`: the share of all training patches that is kept, above 0 and at most 1. */
  coreset: number;
  /** K of `spade`: training images that an image is held against, at most as many as there are. */
  neighbours: number;
  /** d of `padim`: channels that its Gaussians are over, at most C. */
  padim_channels: number;
  /** Standard deviation of the Gaussian that maps are smoothed with, pixels; 0: they are not. */
  sigma: number;
  /** Fixes the coreset's projection and first pick, and `padim`'s channels. */
  seed: number;
}

/** Features of training images on the host. */
export interface Images {
  /** Of each image, [N, C], N = H · W. */
  features: readonly Float32Array[];
  /** Of each image as a whole, [P], P the same for all; only `spade` and `kde` look at it. */
  pooled?: readonly Float32Array[];
}

/** How maps become what is asked for. */
export interface MapOptions {
  /** S: side of the maps, pixels. */
  image_size: number;
  /** What of a map is the image's score, for the methods without a rule of their own (docs/method.md §10). */
  image_score: "max" | "mean";
}

/** Scores of a batch. */
export interface MethodScores {
  /** [B, S, S], larger is more anomalous; null for a method that looks at whole images only. */
  maps: Float32Array<ArrayBuffer> | null;
  /** [B], larger is more anomalous. */
  scores: Float32Array<ArrayBuffer>;
}

/** A fitted method's values on the host, as a model file holds them. */
export interface MethodState {
  /** With which it was fitted. */
  settings: MethodSettings;
  /** By name; what they are is said in the method's file. */
  tensors: ReadonlyMap<string, HostTensor>;
}

/** A method that has seen its training images. */
export interface FittedMethod {
  /** With which it was fitted. */
  readonly settings: MethodSettings;
  /**
   * Maps and scores of images; an image's do not depend on what else is in the batch.
   *
   * @param features [B, N, C] on the GPU; they stay the caller's
   * @param pooled of each image, [P], for the methods that look at it
   * @throws {RangeError} where features are of another size than in training, or `pooled` is missing
   */
  score(
    features: Tensor,
    pooled: readonly Float32Array[] | undefined,
    options: MapOptions,
  ): Promise<MethodScores>;
  /** Everything that makes it up. */
  state(): Promise<MethodState>;
  /** Gives its memory back; it can't be used any more. */
  release(): void;
}

/** Told how far a fit is; `unit` is what is counted. */
export type OnFit = (done: number, total: number, unit: string) => void;

/** A method. */
export interface Method {
  /** Whether it looks at whole images' features. */
  readonly pooled: boolean;
  /** Whether it gives maps. */
  readonly maps: boolean;
  /** Whether `image_score` makes a difference. */
  readonly imageScore: boolean;
  /**
   * Learns from normal images.
   *
   * @throws {InputError} where memory won't do, or there is nothing to learn from the images
   */
  fit(
    gpu: Gpu,
    images: Images,
    settings: MethodSettings,
    onProgress?: OnFit,
    signal?: AbortSignal,
  ): Promise<FittedMethod>;
  /** A fitted method again. @throws {RangeError} where a tensor is missing or of another shape */
  open(gpu: Gpu, state: MethodState): Promise<FittedMethod>;
}

/** K of `spade` at most: each thread keeps that many distances. */
export const MOST_NEIGHBOURS = 500;

/** Standard deviation of the smoothing of maps at most, pixels: more than that leaves nothing of them. */
export const MOST_SIGMA = 256;

/** Maps are smoothed where the papers do it; without that `mahalanobis` and `knn` differ from ADTR in nothing but the distance. */
const SMOOTHED: readonly MethodName[] = ["spade", "patchcore", "padim"];
const MANY_CHANNELS = 1000; // from where padim takes as many as its paper does of Wide ResNet-50's 1792

/** Standard deviation of the smoothing of a method's maps, pixels. */
export function defaultSigma(method: MethodName): number {
  return SMOOTHED.includes(method) ? 4 : 0;
}

/**
 * Settings in effect: those given, and a method's defaults.
 *
 * @throws {InputError} where one is out of range
 */
export function methodSettings(
  given: Pick<MethodSettings, "method" | "C" | "H" | "W"> & Partial<MethodSettings>,
): MethodSettings {
  const { method, C } = given;
  const settings: MethodSettings = {
    coreset: 0.1,
    neighbours: 50,
    padim_channels: Math.min(C, C < MANY_CHANNELS ? 100 : 550),
    sigma: defaultSigma(method),
    seed: 0,
    ...given,
  };
  const { coreset, neighbours, padim_channels, sigma } = settings;
  const expect = (fits: boolean, what: string, found: number) => {
    if (!fits) throw new InputError(`Expected ${what}, but found ${found}`);
  };
  const whole = Number.isInteger;
  expect(coreset > 0 && coreset <= 1, "--coreset to be above 0 and at most 1", coreset);
  expect(
    whole(neighbours) && neighbours > 0 && neighbours <= MOST_NEIGHBOURS,
    `--neighbours to be a whole number of 1 to ${MOST_NEIGHBOURS}`,
    neighbours,
  );
  expect(
    whole(padim_channels) && padim_channels > 0 && padim_channels <= C,
    `--padim-channels to be a whole number of 1 to ${C}, the channels there are`,
    padim_channels,
  );
  expect(sigma >= 0 && sigma <= MOST_SIGMA, `--sigma to be a number from 0 to ${MOST_SIGMA}`, sigma);
  return settings;
}

/** A state's tensor. @throws {RangeError} where it is missing or of another shape; 0 in `shape` stands for any size */
export function tensorOf({ tensors }: MethodState, name: string, shape: readonly number[]): HostTensor {
  const tensor = tensors.get(name);
  const fits = tensor?.shape.length === shape.length &&
    shape.every((d, i) => d === 0 || d === tensor.shape[i]);
  if (!fits) {
    throw new RangeError(
      `Expected a tensor ${name} [${shape.map((d) => d || "any")}], but found [${tensor?.shape ?? "none"}]`,
    );
  }
  return tensor!;
}

/** Checks that features are those of maps of the settings' size. */
export function checkFeatures({ shape }: Tensor, { H, W, C }: MethodSettings): void {
  if (shape.length !== 3 || shape[1] !== H * W || shape[2] !== C) {
    throw new RangeError(`Expected features [images,${H * W},${C}], but found [${shape}]`);
  }
}

/** Checks that there are features of whole images, and as many as images. */
export function checkPooled(
  pooled: readonly Float32Array[] | undefined,
  images: number,
): readonly Float32Array[] {
  if (pooled?.length !== images) {
    throw new RangeError(
      `Expected features of ${images} whole images, but found ${pooled?.length ?? "none"}`,
    );
  }
  return pooled;
}
