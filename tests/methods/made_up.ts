/**
 * Made-up features, the same as tests/golden/methods.py makes, and methods that learn from them without any image.
 *
 * @module
 */
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import type { DataSizes, Fitted, Method, Run, TrainingImages } from "../../src/methods/method.ts";
import { resolveSettings } from "../../src/methods/resolve.ts";
import type { Settings, Value } from "../../src/methods/settings.ts";
import type { Sample, TrainingSet } from "../../src/methods/trainable.ts";
import { NO_JOURNAL } from "../../src/train/journal.ts";
import { optimize } from "../../src/train/optimize.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";

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
export const S = 24;

/** Made-up features of n images as a method takes them, and of whole images. */
export function imagesFor(method: Method, name: string, n: number): TrainingImages {
  const whole = pooled(`${name} whole`, n, 7, 0.9);
  if (method.input === "features") return { features: features(name, n), pooled: whole };
  const values = fill(name, n * S * S * 3, 0, 1);
  return {
    features: Array.from({ length: n }, (_, i) => values.slice(i * S * S * 3, (i + 1) * S * S * 3)),
    pooled: whole,
  };
}

/** The demo's settings of a method, on made-up features; steps, where it is trained by steps, are few. */
export function settingsOf(method: Method, given: Record<string, Value> = {}): Settings {
  const few = Object.hasOwn(method.settings, "epochs") ? { epochs: 2, batch_size: 4 } : {};
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
  const side = input === "pixels" ? S : H;
  return {
    images: features.length,
    C: features[0].length / side ** 2,
    H: side,
    W: side,
    P: pooled[0]?.length ?? 0,
  };
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
  { features }: TrainingImages,
  { H, W }: DataSizes,
  labels: "pixels" | "images" | null,
  batch_size: number,
): TrainingSet {
  const steps = Math.ceil(features.length / batch_size);
  const labelOf = (i: number) => new Uint8Array(labels === "pixels" ? H * W : 1).fill(labels ? i % 2 : 0);
  const samples = features.map((features, i): Sample => ({ features, label: labelOf(i) }));
  const batch = (step: number) => {
    const first = step % steps * batch_size;
    return Promise.resolve(samples.slice(first, first + batch_size));
  };
  return { normal: features, steps, sha256: "", batch };
}
