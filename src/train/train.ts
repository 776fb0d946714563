/**
 * Trains ADTR on the normal images of one category (SPEC.md §5): features once through the frozen backbone, then
 * AdamW on the transformer, with a log, checkpoints and a model file.
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
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { sumColumns } from "../kernels/columns.ts";
import { Random } from "../hash.ts";
import { type AdtrConfig, initialAdtr } from "../model/adtr.ts";
import { Detector, type ModelState } from "../model/detector.ts";
import { writeModel } from "../model/model_file.ts";
import { normalisationOf } from "../model/normalisation.ts";
import { type Identity, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { extractFeatures, type FeatureSource } from "./features.ts";
import { appendLog, beginLog, type LogEntry } from "./log.ts";
import type { OnProgress } from "./progress.ts";
import type { Settings } from "./settings.ts";

/** What to train, and where. */
export interface TrainOptions {
  source: FeatureSource;
  category: Category;
  settings: Settings;
  /** Folder for log.jsonl, checkpoint.safetensors and model.safetensors; it must be there. */
  out: string;
  /** Initial parameters, drawn from the seed by default. */
  init?: (config: AdtrConfig) => Promise<ModelState["parameters"]>;
  /** Go on from `out`'s checkpoint, if there is one. */
  resume?: boolean;
  /** Stops after the step at work, with a checkpoint. */
  signal?: AbortSignal;
  onProgress?: OnProgress;
}

/** How a training ended. */
export interface Trained {
  /** Null if it was stopped early. */
  detector: Detector | null;
  /** Optimizer steps done in all. */
  steps: number;
}

const CHECKPOINT_SECONDS = 30;
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
 * @throws {InputError} where an image can't be read, a file not written, the checkpoint is another training's, or the
 *   loss is no longer a number
 */
export async function trainCategory(options: TrainOptions): Promise<Trained> {
  const { source, category, settings, out, signal, onProgress = () => {} } = options;
  const { gpu, backbone } = source;
  const features = await featuresOf(options);
  if (!features) return { detector: null, steps: 0 };

  const config = adtrConfig(settings, backbone.channels);
  const parameters = options.init ? await options.init(config) : initialAdtr(config, settings.seed);
  const normalisation = settings.feature_norm === "position" ? normalisationOf(features, config.C) : null;
  const detector = new Detector(gpu, { config, parameters, normalisation, covariance: null });
  const optimizer = new AdamW(gpu, detector.adtr.parameters);

  const identity = identityOf(options, features);
  const checkpoint = join(out, "checkpoint.safetensors"), log = join(out, "log.jsonl");
  if (options.resume) await readCheckpoint(checkpoint, detector.adtr, optimizer, identity, ["epochs"]);
  await beginLog(log, optimizer.steps);

  const perEpoch = Math.ceil(features.length / settings.batch_size), total = perEpoch * settings.epochs;
  const look = gpu.empty([2, MOST_STEPS], "losses and gradient norms"); // of the steps since the last read-back
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
    if (lost) {
      throw new InputError(
        `Expected a finite loss, but found ${lost.loss} at step ${lost.step} of ${category.name}. ` +
          "Lower --lr, or set --clip.",
      );
    }
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
    if (over || performance.now() - saved > CHECKPOINT_SECONDS * 1000) {
      await writeCheckpoint(checkpoint, detector.adtr, optimizer, identity);
      saved = performance.now();
    }
  }
  gpu.release(look);
  if (optimizer.steps < total) return { detector: null, steps: optimizer.steps };

  await detector.measureCovariance(batches(gpu, features, config, settings.batch_size));
  await writeModel(join(out, "model.safetensors"), await detector.state(), {
    ...identity,
    category: category.name,
  });
  return { detector, steps: optimizer.steps };
}

/** Features of the training images; null if stopped meanwhile. */
async function featuresOf({ source, category, signal, onProgress = () => {} }: TrainOptions) {
  const total = category.train.length;
  const report = (done: number) =>
    onProgress({ phase: "features", category: category.name, done, total, unit: "images", images: done });
  try {
    return await extractFeatures(source, category.train, report, signal);
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
    images_sha256: sha.digest("hex"),
  };
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
  const { C, H, W } = detector.adtr.config, N = H * W;
  const epoch = Math.floor(optimizer.steps / perEpoch) + 1;
  await gpu.step(() => {
    const x = detector.prepare(upload(gpu, batch, N, C));
    const tape = new Tape(gpu, { seed: new Random(seed, `dropout ${optimizer.steps}`).bits() });
    const reconstruction = detector.adtr.forward(tape, x);
    const loss = meanSquaredError(tape, reconstruction, x, batch.length * N * C);
    tape.backward(loss);
    optimizer.step(tape, { lr: learningRate(settings, epoch), weight_decay, clip }, look, MOST_STEPS + at);
    sumColumns(gpu, loss, look, { rows: 1, columns: 1, offset: at });
  });
}

/** In effect in an epoch, counted from 1. */
function learningRate({ lr, lr_step }: Settings, epoch: number): number {
  return epoch <= lr_step ? lr : 0.1 * lr;
}

/** Features of images as one tensor [B, N, C]. */
function upload(gpu: Gpu, batch: readonly Float32Array<ArrayBuffer>[], N: number, C: number): Tensor {
  const values = new Float32Array(batch.length * N * C);
  batch.forEach((image, i) => values.set(image, i * N * C));
  const x = gpu.empty([batch.length, N, C], "features");
  gpu.stream.write(x, values);
  return x;
}

/** All features, batch by batch. */
export function* batches(
  gpu: Gpu,
  features: readonly Float32Array<ArrayBuffer>[],
  { C, H, W }: AdtrConfig,
  size: number,
): Generator<Tensor> {
  for (let i = 0; i < features.length; i += size) yield upload(gpu, features.slice(i, i + size), H * W, C);
}
