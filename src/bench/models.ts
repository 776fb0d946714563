/**
 * Whole models at work, each on a device of its own so that the first run is cold and the peak of memory its own:
 * EfficientNets' features, ADTR's training step, and scoring image files. "Cold" compiles every kernel; a driver
 * that keeps compiled shaders on disk makes it shorter the next time.
 *
 * @module
 */
import { join } from "node:path";
import { Adam } from "../optim/adam.ts";
import { AdamW } from "../optim/adamw.ts";
import { scale } from "../autograd/arithmetic.ts";
import { meanSquaredError } from "../autograd/ops.ts";
import { mean } from "../autograd/reductions.ts";
import { ssim } from "../autograd/ssim.ts";
import { Tape } from "../autograd/tape.ts";
import { listImages } from "../host/folder.ts";
import { files } from "../host/image_files.ts";
import { makeDataset } from "../host/make_dataset.ts";
import type { Compute } from "../gpu/compute.ts";
import { Gpu } from "../gpu/gpu.ts";
import { type AdtrConfig, initialAdtr } from "../model/adtr.ts";
import { type BackboneName, IMAGENET } from "../model/backbones.ts";
import { efficientNetBackbone, openBackbone } from "../model/open_backbone.ts";
import { autoencoder } from "../methods/ae/net.ts";
import { FittedAdtr } from "../methods/adtr/fitted.ts";
import { trainingFlops } from "../methods/adtr/flops.ts";
import { adtr, configOf } from "../methods/adtr/method.ts";
import { type AdtrSettings, DEMO, PAPER } from "../methods/adtr/settings.ts";
import { UNDECIDED } from "../methods/decision.ts";
import type { Method } from "../methods/method.ts";
import { resolveSettings } from "../methods/resolve.ts";
import type { EfficientNetWeights } from "../model/efficientnet.ts";
import { upload } from "../model/batches.ts";
import { initialValues, Network } from "../model/network.ts";
import { scoreImages } from "../score/score.ts";
import { type ModelCase, noiseOf } from "./case.ts";
import { efficientNetFlops } from "./convolutions.ts";
import { neighbourCases } from "./neighbours.ts";
import { rate, type Row } from "./row.ts";
import { DEMO_ADTR, LARGE_ADTR, PAPER_ADTR, PAPER_SIDE } from "./sizes.ts";
import { Stopwatch, type Timing } from "./timing.ts";
import { madeUpWeights } from "./weights.ts";

/** All of them; on hardware a training step of as many tokens as 32×32 features besides. */
export function modelCases(isSoftware: boolean): ModelCase[] {
  return [
    ...[1, 8, 16].map(efficientNet),
    ...[128, 256].flatMap((S) => [1, 8].map((B) => lite(B, S))),
    training("paper", PAPER_ADTR, PAPER.batch_size),
    ...(isSoftware ? [] : [training("paper, N = 1024", LARGE_ADTR, PAPER.batch_size)]),
    training("demo", DEMO_ADTR, DEMO.batch_size),
    autoencoderTraining(16),
    scoring("paper"),
    scoring("small"),
    scoring("demo"),
    ...neighbourCases(),
  ];
}

/** Features of B images from bytes in memory, neck included, as training and scoring make them. */
function efficientNet(B: number): ModelCase {
  const S = PAPER_SIDE, { H, W } = PAPER_ADTR;
  return {
    name: "efficientnet_b4",
    shape: `${B}x${S}x${S}x3`,
    note: "features",
    measure: () =>
      onFreshGpu(async (gpu) => {
        const backbone = await efficientNetBackbone(gpu, "efficientnet_b4", weights(), IMAGENET);
        const images = Uint8Array.from({ length: B * S * S * 3 }, (_, i) => i * 7919 % 256);
        const watch = await Stopwatch.start(gpu);
        const timing = await watch.time(() => void backbone.features(gpu, images, B, S, H, W));
        return { ...whole(gpu, timing, B), ...rate({ flops: efficientNetFlops(B) }, timing.ms) };
      }),
  };
}

/** Features of B images by EfficientNet-Lite0 up to its fifth stage, with the bundled weights. */
function lite(B: number, S: number): ModelCase {
  return {
    name: "efficientnet_lite0",
    shape: `${B}x${S}x${S}x3`,
    note: "stage 5",
    measure: () =>
      onFreshGpu(async (gpu) => {
        const backbone = await openBackbone(gpu, "efficientnet_lite0", null, { levels: "5" });
        const images = Uint8Array.from({ length: B * S * S * 3 }, (_, i) => i * 7919 % 256);
        const watch = await Stopwatch.start(gpu);
        const timing = await watch.time(() => void backbone.features(gpu, images, B, S, S / 16, S / 16));
        return whole(gpu, timing, B);
      }),
  };
}

let made: EfficientNetWeights | undefined;
function weights(): EfficientNetWeights {
  return made ??= madeUpWeights();
}

/** An optimizer step: features from the host's memory, forward, backward, AdamW. */
function training(note: string, config: AdtrConfig, B: number): ModelCase {
  const { C, H, W, D, A, F, encoder, decoder } = config;
  return {
    name: "training step",
    shape: `B=${B} N=${H * W} C=${C} D=${D} A=${A} F=${F} ${encoder}+${decoder}`,
    note,
    async measure() {
      const row = await onFreshGpu(async (gpu) => {
        const step = trainingStep(gpu, config, B), watch = await Stopwatch.start(gpu);
        const timing = await watch.time(step);
        const began = performance.now();
        await gpu.step(step);
        gpu.stream.submit();
        const host_ms = performance.now() - began;
        await watch.once(() => {}, 1); // a device must not be closed at work
        const work = { flops: trainingFlops(config, B) };
        return { ...whole(gpu, timing, B), host_ms, ...rate(work, timing.ms) };
      });
      return { ...row, host_fraction: await idleFraction(config, B) };
    },
  };
}

/** An optimizer step of `ssim-ae`, images in the GPU's memory. */
function autoencoderTraining(B: number): ModelCase {
  const sizes = { S: 128, latent: 100, width: 32 }; // the paper's
  return {
    name: "training step",
    shape: `B=${B} ${sizes.S}x${sizes.S}x3`,
    note: "ssim-ae",
    measure: () =>
      onFreshGpu(async (gpu) => {
        const parts = autoencoder(sizes), network = new Network(gpu, parts, initialValues(parts, 0));
        const optimizer = new Adam(gpu, network.parameters);
        const x = gpu.tensor(noiseOf(B * sizes.S ** 2 * 3).map((v) => (v + 1) / 2), [B, sizes.S, sizes.S, 3]);
        const step = (gpu: Compute) => {
          const tape = new Tape(gpu), code = network.forward("encoder", tape, x);
          const alike = mean(tape, ssim(tape, network.forward("decoder", tape, code), x));
          tape.backward(scale(tape, alike, -1, 1));
          optimizer.step(tape, { lr: 1e-4 });
        };
        const watch = await Stopwatch.start(gpu);
        return whole(gpu, await watch.time(step), B);
      }),
  };
}

/** What records a training step. */
export function trainingStep(gpu: Gpu, config: AdtrConfig, B: number): (gpu: Compute) => void {
  const parameters = initialAdtr(config, 0);
  const detector = new FittedAdtr(gpu, {
    config,
    parameters,
    normalisation: null,
    covariance: null,
    positions: null,
  });
  const optimizer = new AdamW(gpu, detector.adtr.parameters);
  const features = Array.from({ length: B }, () => noiseOf(config.H * config.W * config.C));
  const { lr, weight_decay, clip } = PAPER;
  return (gpu) => {
    const x = detector.prepare(gpu, upload(gpu, features, config));
    const tape = new Tape(gpu, { seed: optimizer.steps });
    tape.backward(meanSquaredError(tape, detector.adtr.forward(tape, x), x));
    optimizer.step(tape, { lr, weight_decay, clip });
  };
}

/** The share of a step that is not any kernel's own time, both by the same run with timestamps. */
async function idleFraction(config: AdtrConfig, B: number): Promise<number> {
  const gpu = await Gpu.open({ timestamps: true });
  try {
    const step = trainingStep(gpu, config, B), watch = await Stopwatch.start(gpu);
    const warm = await (await watch.once(step, 1), watch.once(step, 1));
    await gpu.stream.times();
    const repeats = Math.max(1, Math.round(500 / warm));
    const took = repeats * await watch.once(step, repeats);
    const busy = (await gpu.stream.times()).reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    return 1 - busy / took;
  } finally {
    gpu.close();
  }
}

/** Files to maps and scores with a preset's ADTR: read, decode, resize, features, transformer. */
function scoring(preset: "paper" | "small" | "demo"): ModelCase {
  const images = 16, file = preset === "paper"; // the others' features need none
  const data = preset === "demo" ? "demo" : "folder";
  const settings = resolveSettings({ score: "residual" }, { preset, data, weights: file });
  const { image_size, feature_size } = settings;
  return {
    name: "scoring",
    shape: `${images}x${image_size}x${image_size}x3`,
    note: `${preset}, from PNG files`,
    measure: () =>
      onFreshGpu(async (gpu) => {
        const backbone = file
          ? await efficientNetBackbone(gpu, "efficientnet_b4", weights(), IMAGENET)
          : await openBackbone(gpu, settings.backbone as BackboneName, null, { levels: settings.levels });
        const config = configOf(settings as unknown as AdtrSettings, {
          C: backbone.channels,
          H: feature_size,
          W: feature_size,
        });
        const fitted = new FittedAdtr(gpu, {
          config,
          parameters: initialAdtr(config, 0),
          normalisation: null,
          covariance: null,
          positions: null,
        });
        const source = { gpu, backbone, image_size, feature_size, images: files, cache: null };
        const model = { source, method: adtr as unknown as Method, fitted, settings, decision: UNDECIDED };
        return await inTemporaryFolder(async (folder) => {
          const sizes = { size: image_size, train: images, testGood: 0, testPerDefect: 0 };
          await makeDataset(folder, { categories: ["bottle"], ...sizes });
          const paths = await listImages([join(folder, "bottle")]);
          const pass = async (): Promise<number> => {
            const began = performance.now();
            for await (const _ of scoreImages(model, paths));
            return performance.now() - began;
          };
          const cold = await pass(), runs = [await pass(), await pass(), await pass()];
          const [best, ms] = runs.toSorted((a, b) => a - b);
          return whole(gpu, { cold, best, ms }, images);
        });
      }),
  };
}

function whole(gpu: Gpu, { ms, cold }: Timing, images: number): Omit<Row, "name" | "shape" | "note"> {
  return {
    ms,
    cold_ms: cold,
    images_per_s: 1000 * images / ms,
    peak_mib: gpu.memory.stats().peak / 2 ** 20,
  };
}

async function onFreshGpu<T>(work: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = await Gpu.open();
  try {
    return await work(gpu);
  } finally {
    gpu.close();
  }
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "adtr-bench-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
