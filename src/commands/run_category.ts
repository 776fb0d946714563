/**
 * One category's run from images to report: a folder with config.json, log.jsonl, checkpoint and model, speed.json, heat
 * maps, report.html, and last of all metrics.json, which says that it is done.
 *
 * @module
 */
import { join } from "node:path";
import type { AnomalousImage, Category } from "../data/category.ts";
import { makeFolder, removeUnfinished } from "../host/files.ts";
import { MODEL, RunFolder } from "../host/run_folder.ts";
import { removeUnfinishedMaps, writeTiffMaps } from "../host/tiff_maps.ts";
import type { Decision } from "../methods/decision.ts";
import { methodNamed } from "../methods/registry.ts";
import type { Settings } from "../methods/settings.ts";
import type { OnProgress } from "../progress.ts";
import {
  checkMasks,
  decidedAnew,
  evaluateCategory,
  type EvaluatedImage,
  type Evaluation,
  evidenceOf,
  type MissingMasks,
} from "../score/evaluate.ts";
import type { FeatureSource } from "../score/features.ts";
import type { Model } from "../score/model.ts";
import type { Scorer } from "../score/score.ts";
import { askForLabels, decisionBy } from "../score/threshold.ts";
import { learn } from "../train/learn.ts";
import { type CategoryResult, mapped, METRICS, writeJson } from "./results.ts";
import { type Environment, type Speed, writeReport } from "./run_report.ts";

/** Name of the file that says how fast it was. */
export const SPEED = "speed.json";
/** Name of the file that a run begins with. */
export const CONFIG = "config.json";

/** What came of a run. */
export interface RunResult extends CategoryResult {
  /** Whether its report has heat maps: not so without test images, or from a method that looks at whole images only. */
  hasHeatmaps: boolean;
  /** Above which scores the model calls something anomalous. */
  decision: Decision;
}

/** What to run, and where. */
export interface RunOptions {
  /** What makes features of the images. */
  source: FeatureSource;
  category: Category;
  /** Where its data set is, for the report. */
  data: string;
  /** What it is made with, for the report. */
  environment: Environment;
  settings: Settings;
  /** Its folder. */
  out: string;
  /** Go on with what is there. */
  resume: boolean;
  /** Begin again where there is nothing to go on from, but what was, instead of refusing; not so by default. */
  beginsAgain?: boolean;
  /** Called before files are written; throws where the folder isn't this program's any more. */
  requireOwn?(): void;
  /** What the method begins with. */
  init?: unknown;
  /** Labelled anomalous images; the category's by default. */
  anomalous?: readonly AnomalousImage[];
  /** Irrelevant images. */
  outliers?: readonly string[];
  /** What to do about anomalous test images without masks. */
  missingMasks?: MissingMasks;
  /** Folder for the maps as TIFFs, in a folder of the category's name; none are written without. */
  tiffMaps?: string;
  signal?: AbortSignal;
  onProgress?: OnProgress;
  onStart?: () => Promise<void>;
}

/**
 * Trains and tests a model. Nothing else may write to its folder meanwhile.
 *
 * @returns null where it was stopped
 * @throws {InputError} as `learn` and `evaluateCategory` do, and where a file can't be written
 */
export async function runCategory(options: RunOptions): Promise<RunResult | null> {
  const { source, category, settings, out, resume, onProgress, signal, tiffMaps } = options;
  const missing_masks = options.missingMasks;
  const began = performance.now();
  await makeFolder(out);
  for (const part of ["", ...methodNamed(settings.method).stages ?? []]) {
    await removeUnfinished(join(out, part));
  }
  if (tiffMaps !== undefined) await removeUnfinishedMaps(tiffMaps, category.name, category.test);
  await checkMasks(source.images, category, missing_masks); // a bad mask is told before the work
  let started = began;
  const onWarning = (message: string): void => source.onWarning?.(`${category.name}: ${message}`);
  let trained = began;
  const journal = new RunFolder(out, resume, onWarning, options.beginsAgain, options.requireOwn);
  const model = await learn({
    ...options,
    journal,
    onLearned: () => trained = performance.now(),
    available: () => Deno.systemMemoryInfo().available,
    onStart: async () => {
      await options.onStart?.();
      started = performance.now();
    },
  });
  if (model === null) return null;
  const timed = timedScorer(model), progress = timedProgress(onProgress);
  let evaluation: Evaluation;
  try {
    const onImage = tiffMaps === undefined
      ? undefined
      : (image: EvaluatedImage) => writeTiffMaps(tiffMaps, category.name, mapped([image]));
    evaluation = await evaluateCategory(timed, category, {
      missing_masks,
      onProgress: progress.onProgress,
      onImage,
      signal,
    });
    if (askForLabels(settings, category)) {
      const { heldOut } = model;
      model.decision = decisionBy(settings, { heldOut, ...evidenceOf(evaluation) });
      evaluation = decidedAnew(evaluation, model.decision);
      await journal.keep(await model.content());
    }
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  } finally {
    model.fitted[Symbol.dispose](); // the backbone is for the next category too
  }
  const tested = performance.now(), images = evaluation.images.length;
  const speed: Speed = {
    train_seconds: journal.goesOn ? null : (trained - started) / 1000,
    images_per_second: images > 0 ? images / timed.seconds() : null,
    images_per_second_from_files: images > 0 ? images / progress.seconds() : null,
    model_bytes: (await Deno.stat(join(out, MODEL))).size,
  };
  options.requireOwn?.();
  await writeJson(join(out, SPEED), speed);
  const { metrics, decided } = evaluation, maps = mapped(evaluation.images);
  const { decision } = model, seconds = (tested - began) / 1000;
  const result = { metrics, decided, decision, seconds, hasHeatmaps: maps.length > 0 };
  await writeReport({ ...options, decision, speed, evaluation, result });
  options.requireOwn?.();
  await writeJson(join(out, METRICS), { [category.name]: { ...metrics, ...decided } });
  await journal.finish();
  return result;
}

/** A model that says how long it has scored, and the transfer of features took. */
function timedScorer({ source, method, fitted, settings, decision }: Model): Scorer & { seconds(): number } {
  let total = 0;
  const timed: Scorer["fitted"] = {
    async score(...inputs) {
      const began = performance.now();
      try {
        return await fitted.score(...inputs);
      } finally {
        total += (performance.now() - began) / 1000;
      }
    },
  };
  return { source, method, fitted: timed, settings, decision, seconds: () => total };
}

/** Progress of a phase, handed on, and the seconds from its first event to its last one. */
function timedProgress(onProgress?: OnProgress): { onProgress: OnProgress; seconds(): number } {
  let first: number | null = null, last = 0;
  return {
    onProgress(event): void {
      last = performance.now();
      first ??= last;
      onProgress?.(event);
    },
    seconds: () => (last - (first ?? last)) / 1000,
  };
}

/** Writes config.json, which `--config` and `--resume` read. @param places what lies where, under the options' names */
export async function writeConfig(
  folder: string,
  settings: Settings,
  places: Record<string, string | undefined>,
  environment: Environment,
): Promise<void> {
  await makeFolder(folder);
  await writeJson(join(folder, CONFIG), { ...settings, ...places, environment });
}
