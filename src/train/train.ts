/**
 * Trains ADTR on the normal images of one category, and ADTR+ on anomalous ones too (docs/method.md §5): features once
 * through the frozen backbone, then AdamW on the transformer, with a log, checkpoints and a model file.
 *
 * @module
 */
import { join } from "node:path";
import { AdamW } from "../optim/adamw.ts";
import { InputError } from "../errors.ts";
import { isThere, makeFolder } from "../host/files.ts";
import { mib } from "../gpu/error.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type AdtrConfig, adtrShapes, initialAdtr } from "../model/adtr.ts";
import { Detector, type ModelState } from "../methods/adtr/detector.ts";
import { writeModel } from "../model/model_file.ts";
import { normalisationOf } from "../model/normalisation.ts";
import { batches } from "../model/batches.ts";
import { CHECKPOINT, type Identity } from "./checkpoint.ts";
import { LOG } from "../host/log.ts";
import { diverged, optimize } from "./optimize.ts";
import type { Settings } from "./settings.ts";
import type { TrainOptions } from "./train_options.ts";
import { normalSet, openTrainingSet, type TrainingSet } from "./training_set.ts";

/** How a training ended. */
export interface Trained {
  /** Null if it was stopped early. */
  detector: Detector | null;
  /** Optimizer steps done in all. */
  steps: number;
}

/** The file of a run that holds what was learned. */
export const MODEL = "model.safetensors";
/** The folder of the ADTR that ADTR+ begins with, in a run's. */
export const BASE = "adtr";

/** The transformer that settings ask for on features of C channels. */
export function adtrConfig(settings: Settings, C: number): AdtrConfig {
  const { feature_size, hidden, heads, ffn, layers, dropout, architecture } = settings;
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
    architecture,
  };
}

/**
 * Trains a model. A run that was stopped or killed and is resumed ends with the same bytes as one that was not.
 *
 * @throws {InputError} where an image can't be read, a file not written, the checkpoint is another training's or missing
 *   beside a finished model, or the loss is no longer a number
 */
export async function trainCategory(options: TrainOptions): Promise<Trained> {
  const { source: { gpu, backbone }, settings } = options;
  const config = adtrConfig(settings, backbone.channels);
  if (settings.method !== "adtr") {
    throw new RangeError(`Expected the method adtr, but found ${settings.method}`);
  }
  refuseTooLarge(gpu, config, settings);
  if (options.resume) await sayBeginning(options);
  const set = await trainingSetOf(options);
  const parameters = set && await initialOf(options, set, config);
  return parameters ? await trainOn(set!, options, config, parameters) : { detector: null, steps: 0 };
}

/** What a training begins with; null if it was stopped before. */
async function initialOf(
  options: TrainOptions,
  { normal }: TrainingSet,
  config: AdtrConfig,
): Promise<ModelState["parameters"] | null> {
  const { init, resume, out, settings: { loss, base_epochs, seed } } = options;
  if (init) return init;
  const drawn = initialAdtr(config, seed);
  if (loss === "norm" || base_epochs === 0) return drawn;
  if (resume && await isThere(join(out, CHECKPOINT))) return drawn; // the checkpoint's take their place
  const base = baseOptions(options);
  await makeFolder(base.out);
  if (base.resume) await sayBeginning(base);
  const { detector } = await trainOn(normalSet(normal, base.settings), base, config, drawn);
  if (!detector) return null;
  const { parameters } = await detector.state();
  detector.release();
  return parameters;
}

/** Of the training of ADTR that comes before ADTR+'s. */
function baseOptions(options: TrainOptions): TrainOptions {
  const { settings, onProgress } = options;
  return {
    ...options,
    out: join(options.out, BASE),
    settings: { ...settings, loss: "norm", epochs: settings.base_epochs },
    onStart: undefined,
    onProgress: (event) => onProgress?.({ ...event, phase: "base training" }),
  };
}

async function trainOn(
  set: TrainingSet,
  options: TrainOptions,
  config: AdtrConfig,
  parameters: ModelState["parameters"],
): Promise<Trained> {
  const { source: { gpu }, category, settings, out } = options;
  const normalisation = settings.feature_norm === "position" ? normalisationOf(set.normal, config.C) : null;
  const detector = new Detector(gpu, { config, parameters, normalisation, covariance: null });
  using optimizer = new AdamW(gpu, detector.adtr.parameters);
  let finished = false;
  try {
    const identity = identityOf(options, set);
    if (await optimize(options, set, detector, optimizer, identity)) {
      await detector.measureCovariance(batches(gpu, set.normal, config, settings.batch_size));
      const state = await detector.state();
      if (!state.covariance!.every(Number.isFinite)) throw diverged(category.name, "after the last step");
      await writeModel(join(out, MODEL), state, { ...identity, category: category.name });
      finished = true;
    }
    return { detector: finished ? detector : null, steps: optimizer.steps };
  } finally {
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

/** What there is to learn from; null if stopped meanwhile. */
async function trainingSetOf(options: TrainOptions): Promise<TrainingSet | null> {
  const { source, category, settings, signal, onProgress = () => {} } = options;
  try {
    const set = await openTrainingSet({
      source,
      settings,
      normal: category.train,
      anomalous: options.anomalous ?? category.anomalous,
      outliers: options.outliers ?? [],
      onImage: (done, total) =>
        onProgress({ phase: "features", category: category.name, done, total, unit: "images", images: done }),
      signal,
    });
    signal?.throwIfAborted();
    return set;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  }
}

/** What a checkpoint belongs to. */
function identityOf({ source, settings }: TrainOptions, { normal, sha256 }: TrainingSet): Identity {
  return {
    ...settings,
    features: source.backbone.fingerprint,
    images: normal.length,
    features_sha256: sha256,
  };
}
