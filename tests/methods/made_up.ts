/**
 * Made-up features, the same as tests/golden/methods.py makes, and methods that learn from them without any image.
 *
 * @module
 */
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import type {
  DataSizes,
  Fitted,
  Method,
  Run,
  Scores,
  ScoreSettings,
  TrainingImages,
} from "../../src/methods/method.ts";
import { resolveSettings } from "../../src/methods/resolve.ts";
import type { Settings, Value } from "../../src/methods/settings.ts";
import type { Sample, TrainingSet } from "../../src/methods/trainable.ts";
import { NO_JOURNAL } from "../../src/train/journal.ts";
import { optimize } from "../../src/train/optimize.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { fewSteps } from "../train/tiny.ts";

/** Sizes of {@linkcode features}. */
export const H = 6, W = 6, N = H * W, C = 10;

/** Features of n images, [N, C] each: channels that correlate, around means that differ from position to position. */
export function features(name: string, n: number): Float32Array<ArrayBuffer>[] {
  const noise = fill(name, n * N * C), mix = fill("mix", C * C), mean = fill("mean", N * C, 2, 6);
  return Array.from({ length: n }, (_, image) =>
    Float32Array.from({ length: N * C }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < C; j++) sum += noise[image * N * C + i - i % C + j] * mix[j * C + i % C];
      return sum + mean[i];
    }));
}

/** Features of n whole images, [width] each: channels whose scale falls. */
export function pooled(name: string, n: number, width: number, decay: number): Float32Array<ArrayBuffer>[] {
  const noise = fill(name, n * width), mean = fill("pooled mean", width, 1, 2);
  return Array.from(
    { length: n },
    (_, image) =>
      Float32Array.from({ length: width }, (_, i) => noise[image * width + i] * decay ** i + mean[i]),
  );
}

/** Features of images on the GPU, [B, N, C]; or pixels [B, S · S, 3]. */
export function onGpu(gpu: Gpu, images: readonly Float32Array[], channels = C): Tensor {
  const shape = [images.length, images[0].length / channels, channels];
  return gpu.tensor(images.flatMap((image) => [...image]), shape);
}

/** Side of the images whose features are made up. */
export const S = 32;

/** Pixels of n images, [S · S, 3] each. */
function pixels(name: string, n: number): Float32Array<ArrayBuffer>[] {
  const values = fill(name, n * S * S * 3, 0, 1);
  return Array.from({ length: n }, (_, i) => values.slice(i * S * S * 3, (i + 1) * S * S * 3));
}

/** Made-up images as a method takes them: features or pixels or both, and features of whole images. */
export function imagesFor({ input }: Method, name: string, n: number): TrainingImages {
  const whole = pooled(`${name} whole`, n, 7, 0.9);
  if (input === "pixels") return { features: pixels(name, n), pooled: whole };
  const both = input === "both" ? { pixels: pixels(`${name} pixels`, n) } : {};
  return { features: features(name, n), pooled: whole, ...both };
}

/** Some of the images. */
export function some({ features, pooled, pixels }: TrainingImages, from: number, to: number): TrainingImages {
  const part = <T>(values: readonly T[]) => values.slice(from, to);
  return { features: part(features), pooled: part(pooled), ...pixels && { pixels: part(pixels) } };
}

/** Images on the GPU, as a method scores them. */
export class Uploaded implements Disposable {
  readonly features: Tensor;
  readonly pooled: TrainingImages["pooled"];
  readonly pixels: Tensor | undefined;
  readonly #gpu: Gpu;

  constructor(method: Method, { features, pooled, pixels }: TrainingImages, on: Gpu = gpu) {
    this.#gpu = on;
    this.features = onGpu(on, features, method.input === "pixels" ? 3 : C);
    this.pooled = method.pooled ? pooled : [];
    this.pixels = pixels && onGpu(on, pixels, 3);
  }

  score(fitted: Fitted, settings: ScoreSettings): Promise<Scores> {
    return fitted.score(this.features, this.pooled, settings, this.pixels);
  }

  [Symbol.dispose](): void {
    this.#gpu.release(this.features);
    if (this.pixels) this.#gpu.release(this.pixels);
  }
}

/** The demo's settings of a method, on made-up features; steps, where it is trained by steps, are few. */
export function settingsOf(method: Method, given: Record<string, Value> = {}): Settings {
  const few = fewSteps(method, { epochs: 2, batch_size: 4 });
  const all = { method: method.name, backbone: "gabor", image_size: S, feature_size: H, ...few };
  return { ...resolveSettings(all, { preset: "demo", data: "folder", weights: false }), ...given };
}

/** How a method is made to learn from made-up features. */
export interface Learning {
  settings?: Settings;
  on?: Gpu;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Sizes of some images' features. */
export function sizesOf({ input }: Method, { features, pooled }: TrainingImages): DataSizes {
  const side = input === "pixels" ? S : H, C = features[0].length / side ** 2;
  return { images: features.length, C, H: side, W: side, P: pooled[0]?.length ?? 0, S, levels: [C] };
}

/** Learns. @returns for the caller to dispose of */
export async function learned(
  method: Method,
  images: TrainingImages,
  { settings = settingsOf(method), on = gpu, onProgress = () => {}, signal }: Learning = {},
): Promise<Fitted> {
  const sizes = sizesOf(method, images);
  const run: Run = {
    gpu: on,
    settings,
    sizes,
    init: undefined,
    signal,
    images: () => Promise.resolve(images),
    trainingSet: ({ labels, batch_size }) => Promise.resolve(setOf(images, sizes, labels, batch_size)),
    isResumed: () => Promise.resolve(false),
    optimize: (trainable, set, epochs) =>
      optimize(trainable, {
        gpu: on,
        set,
        epochs,
        journal: NO_JOURNAL,
        checkpoint: null,
        identity: {},
        label: "made-up images",
        checkpointSeconds: Infinity,
        signal,
        onStart: () => Promise.resolve(),
        onSteps: ({ done, total }) => onProgress(done, total),
      }),
    async before(_, change) {
      const changed = { ...settings, ...change } as Settings;
      using fitted = await learned(method, images, { settings: changed, on, signal });
      return await fitted.state();
    },
    onProgress,
  };
  return await method.learn(run);
}

/** All images in every epoch; where labels are learned from, every second one counts as anomalous. */
function setOf(
  { features, pixels }: TrainingImages,
  { H, W }: DataSizes,
  labels: "pixels" | "images" | null,
  batch_size: number,
): TrainingSet {
  const steps = Math.ceil(features.length / batch_size);
  const labelOf = (i: number) => new Uint8Array(labels === "pixels" ? H * W : 1).fill(labels ? i % 2 : 0);
  const samples = features.map((features, i): Sample => ({
    features,
    pixels: pixels?.[i],
    label: labelOf(i),
  }));
  const batch = (step: number) => {
    const first = step % steps * batch_size;
    return Promise.resolve(samples.slice(first, first + batch_size));
  };
  return { normal: features, pixels, steps, sha256: "", batch };
}
