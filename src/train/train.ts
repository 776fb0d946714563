/**
 * Trains ADTR on the normal images of one category (docs/method.md §5): features once through the frozen backbone,
 * then AdamW on the transformer, with a log, checkpoints and a model file.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { AdamW } from "../autograd/adamw.ts";
import { meanSquaredError } from "../autograd/ops.ts";
import { Tape } from "../autograd/tape.ts";
import type { Category } from "../data/dataset.ts";
import { InputError } from "../errors.ts";
import { isThere } from "../files.ts";
import { mib } from "../gpu/error.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/columns.ts";
import { Random } from "../hash.ts";
import { type AdtrConfig, adtrShapes, initialAdtr } from "../model/adtr.ts";
import { Detector, type ModelState } from "../model/detector.ts";
import { writeModel } from "../model/model_file.ts";
import { normalisationOf } from "../model/normalisation.ts";
import { batches, upload } from "./batches.ts";
import { type Identity, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { extractFeatures, type FeatureSource } from "./features.ts";
import { appendLog, beginLog, type LogEntry } from "./log.ts";
import type { OnProgress } from "./progress.ts";
import type { Settings } from "./settings.ts";

/** What to train, and where. */
export interface TrainOptions {
  /** What makes features of the images. */
  source: FeatureSource;
  /** Whose normal images to train on. */
  category: Category;
  /** Every setting; those of the images' and the feature map's size must be the source's. */
  settings: Settings;
  /** Folder for log.jsonl, checkpoint.safetensors and model.safetensors; it must be there. */
  out: string;
  /** Initial parameters, drawn from the seed by default. */
  init?: ModelState["parameters"];
  /** Go on from `out`'s checkpoint; without one begin, if there is no finished model either. */
  resume?: boolean;
  /** Stops after the step at work, with a checkpoint. */
  signal?: AbortSignal;
  /** Told how features and training get on. */
  onProgress?: OnProgress;
  /** Called before the first step, once nothing is left that could be refused: the images, `init`, the checkpoint. */
  onStart?: () => Promise<void>;
  /** Seconds between checkpoints; 30 by default. */
  checkpointSeconds?: number;
}

/** How a training ended. */
export interface Trained {
  /** Null if it was stopped early. */
  detector: Detector | null;
  /** Optimizer steps done in all. */
  steps: number;
}

// The files of a run.
const CHECKPOINT = "checkpoint.safetensors", MODEL = "model.safetensors", LOG = "log.jsonl";

const LOOK_SECONDS = 0.4; // between read-backs, each of which costs some 10 ms
const MOST_STEPS = 64; // between read-backs

/** The transformer that settings ask for on features of C channels. */
export function adtrConfig(settings: Settings, C: number): AdtrConfig {
  const { feature_size, hidden, heads, ffn, layers, dropout } = settings;
  return {
    C,
    H: feature_size,
    W: feature_size,
    D: hidden,
    A: heads,
    F: ffn,
    encoder: layers,
    decoder: layers,
    dropout,
  };
}

/**
 * Trains a model. A run that was stopped or killed and is resumed ends with the same bytes as one that was not.
 *
 * @throws {InputError} where an image can't be read, a file not written, the checkpoint is another training's or missing
 *   beside a finished model, or the loss is no longer a number
 */
export async function trainCategory(options: TrainOptions): Promise<Trained> {
  const { source: { gpu, backbone }, category, settings, out } = options;
  const config = adtrConfig(settings, backbone.channels);
  refuseTooLarge(gpu, config, settings);
  if (options.resume) await sayBeginning(options);
  const features = await featuresOf(options);
  if (!features) return { detector: null, steps: 0 };

  const parameters = options.init ?? initialAdtr(config, settings.seed);
  const normalisation = settings.feature_norm === "position" ? normalisationOf(features, config.C) : null;
  const detector = new Detector(gpu, { config, parameters, normalisation, covariance: null });
  const optimizer = new AdamW(gpu, detector.adtr.parameters);
  let finished = false;
  try {
    const identity = identityOf(options, features);
    if (await optimize(options, features, detector, optimizer, identity)) {
      await detector.measureCovariance(batches(gpu, features, config, settings.batch_size));
      const state = await detector.state();
      if (!state.covariance!.every(Number.isFinite)) throw diverged(category.name, "after the last step");
      await writeModel(join(out, MODEL), state, { ...identity, category: category.name });
      finished = true;
    }
    return { detector: finished ? detector : null, steps: optimizer.steps };
  } finally {
    optimizer.release();
    if (!finished) detector.release();
  }
}

/** Says that there is nothing to go on from. @throws {InputError} where that would overwrite a finished model */
async function sayBeginning({ source, category, out }: TrainOptions): Promise<void> {
  const checkpoint = join(out, CHECKPOINT);
  if (await isThere(checkpoint)) return;
  if (await isThere(join(out, MODEL))) {
    throw new InputError(
      `Expected ${checkpoint} to go on from, but found only a finished model.\nAnother --out begins a new run.`,
    );
  }
  if (await isThere(join(out, LOG))) {
    source.onWarning?.(`${category.name}: no checkpoint in ${out} yet, beginning again with the first step`);
  }
}

/** @throws {InputError} where a tensor of the training can't be bound at once: told before the work */
function refuseTooLarge(gpu: Gpu, config: AdtrConfig, { batch_size }: Settings): void {
  const { C, H, W, D, F } = config, N = H * W, limit = gpu.limits.maxStorageBufferBindingSize;
  const parameters = [...adtrShapes(config).values()].reduce(
    (sum, shape) => sum + shape.reduce((a, b) => a * b),
    0,
  );
  const needs = [
    { what: "The parameters", values: parameters, lower: "--hidden, --ffn or --layers" },
    { what: "Attention's weights of one head", values: N * N, lower: "--feature-size" },
    {
      what: "A batch",
      values: batch_size * N * Math.max(C, D, F),
      lower: "--batch-size, --feature-size or --ffn",
    },
  ];
  for (const { what, values, lower } of needs) {
    if (4 * values <= limit) continue;
    throw new InputError(
      `${what} of this training: expected at most ${mib(limit)}, which this adapter binds at once, ` +
        `but found ${mib(4 * values)}.\nLower ${lower}.`,
    );
  }
}

/** Features of the training images; null if stopped meanwhile. */
async function featuresOf({ source, category, signal, onProgress = () => {} }: TrainOptions) {
  const total = category.train.length;
  const report = (done: number) =>
    onProgress({ phase: "features", category: category.name, done, total, unit: "images", images: done });
  try {
    const features = await extractFeatures(source, category.train, report, signal);
    signal?.throwIfAborted();
    return features;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  }
}

/** What a checkpoint belongs to. */
function identityOf(
  { source, settings }: TrainOptions,
  features: readonly Float32Array<ArrayBuffer>[],
): Identity {
  const sha = createHash("sha256");
  for (const values of features) sha.update(values);
  return {
    ...settings,
    features: source.backbone.fingerprint,
    images: features.length,
    features_sha256: sha.digest("hex"),
  };
}

/** Makes the optimizer steps that are left. @returns whether all are done; false if it was stopped before */
async function optimize(
  options: TrainOptions,
  features: readonly Float32Array<ArrayBuffer>[],
  detector: Detector,
  optimizer: AdamW,
  identity: Identity,
): Promise<boolean> {
  const { source: { gpu }, category, settings, out, signal, onProgress = () => {} } = options;
  const { checkpointSeconds = 30 } = options;
  const perEpoch = Math.ceil(features.length / settings.batch_size), total = perEpoch * settings.epochs;
  const checkpoint = join(out, CHECKPOINT), log = join(out, LOG);
  if (options.resume) await readCheckpoint(checkpoint, detector.adtr, optimizer, identity, ["epochs"]);
  if (optimizer.steps > total) {
    throw new InputError(
      `Expected --epochs to be at least ${
        Math.ceil(optimizer.steps / perEpoch)
      }, as many as ${checkpoint} has done, ` +
        `but found ${settings.epochs}`,
    );
  }
  await options.onStart?.();
  await beginLog(log, optimizer.steps);

  const look = gpu.empty([2, MOST_STEPS], "losses and gradient norms"); // of the steps since the last read-back
  try {
    let saved = performance.now(), pace = 1, images = 0;
    let epochLoss = { sum: 0, steps: 0 };
    while (optimizer.steps < total && !signal?.aborted) {
      const first = optimizer.steps, epoch = Math.floor(first / perEpoch) + 1;
      const count = Math.min(pace, MOST_STEPS, epoch * perEpoch - first);
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        const batch = batchOf(features, settings, optimizer.steps, perEpoch);
        images += batch.length;
        await step(gpu, detector, optimizer, batch, settings, perEpoch, look, i);
      }
      const values = await gpu.read(look);
      pace = Math.max(1, Math.round(count * LOOK_SECONDS * 1000 / (performance.now() - began)));

      const entries = Array.from({ length: count }, (_, i): LogEntry => ({
        step: first + i + 1,
        epoch,
        loss: values[i],
        lr: learningRate(settings, epoch),
        grad_norm: Math.sqrt(values[MOST_STEPS + i]),
      }));
      const lost = entries.find(({ loss, grad_norm }) => !Number.isFinite(loss + grad_norm));
      if (lost) throw diverged(category.name, `at step ${lost.step}`);
      await appendLog(log, entries);
      for (const { loss } of entries) epochLoss = { sum: epochLoss.sum + loss, steps: epochLoss.steps + 1 };
      const ended = optimizer.steps % perEpoch === 0;
      onProgress({
        phase: "training",
        category: category.name,
        done: optimizer.steps,
        total,
        unit: "steps",
        images,
        epoch: ended ? epoch : epoch - 1,
        epochs: settings.epochs,
        loss: epochLoss.sum / epochLoss.steps,
      });
      if (ended) epochLoss = { sum: 0, steps: 0 };
      // Signals and timers get their turn.
      await new Promise((resolve) => setTimeout(resolve));
      const over = optimizer.steps === total || signal?.aborted;
      if (over || performance.now() - saved > checkpointSeconds * 1000) {
        await writeCheckpoint(checkpoint, detector.adtr, optimizer, identity);
        saved = performance.now();
      }
    }
  } finally {
    gpu.release(look);
  }
  return optimizer.steps === total;
}

function diverged(category: string, when: string): InputError {
  return new InputError(
    `Expected a finite loss and gradient of ${category}, but found them beyond float32 ${when}.\n` +
      "Lower --lr, or set --clip.",
  );
}

/** The features of the images of one step. */
function batchOf(
  features: readonly Float32Array<ArrayBuffer>[],
  { shuffle, seed, batch_size }: Settings,
  step: number,
  perEpoch: number,
): Float32Array<ArrayBuffer>[] {
  const epoch = Math.floor(step / perEpoch), first = step % perEpoch * batch_size;
  const rows = Array.from({ length: Math.min(batch_size, features.length - first) }, (_, i) => first + i);
  if (!shuffle) return rows.map((i) => features[i]);
  const order = new Random(seed, `order ${epoch}`).permutation(features.length);
  return rows.map((i) => features[order[i]]);
}

/** Records one optimizer step; its loss goes to look[0, at], the square of its gradient norm to look[1, at]. */
async function step(
  gpu: Gpu,
  detector: Detector,
  optimizer: AdamW,
  batch: Float32Array<ArrayBuffer>[],
  settings: Settings,
  perEpoch: number,
  look: Tensor,
  at: number,
): Promise<void> {
  const { weight_decay, clip, seed } = settings;
  const { config } = detector.adtr, { C, H, W } = config;
  const epoch = Math.floor(optimizer.steps / perEpoch) + 1;
  await gpu.step(() => {
    const x = detector.prepare(upload(gpu, batch, config));
    const tape = new Tape(gpu, { seed: new Random(seed, `dropout ${optimizer.steps}`).bits() });
    const reconstruction = detector.adtr.forward(tape, x);
    const loss = meanSquaredError(tape, reconstruction, x, batch.length * H * W * C);
    tape.backward(loss);
    optimizer.step(tape, { lr: learningRate(settings, epoch), weight_decay, clip }, look, MOST_STEPS + at);
    sumColumns(gpu, loss, look, { rows: 1, columns: 1, offset: at });
  });
}

/** In effect in an epoch, counted from 1. */
function learningRate({ lr, lr_step }: Settings, epoch: number): number {
  return epoch <= lr_step ? lr : 0.1 * lr;
}
