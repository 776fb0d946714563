/**
 * One category's run from images to report: a folder with config.json, log.jsonl, checkpoint and model, speed.json, heat
 * maps, report.html, and last of all metrics.json, which says that it is done.
 *
 * @module
 */
import { join } from "node:path";
import type { AnomalousImage, Category } from "../data/category.ts";
import { isThere, makeFolder, removeUnfinished } from "../host/files.ts";
import { epochLosses, LOG, readLog } from "../host/log.ts";
import { CHECKPOINT, MODEL, RunFolder } from "../host/run_folder.ts";
import { writeTiffMaps } from "../host/tiff_maps.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { needsLabels } from "../methods/decision.ts";
import { methodNamed } from "../methods/registry.ts";
import type { Settings } from "../methods/settings.ts";
import type { OnProgress } from "../progress.ts";
import { reportPage } from "../report/page.ts";
import {
  decidedAnew,
  evaluateCategory,
  type Evaluation,
  evidenceOf,
  loadTruths,
  type MissingMasks,
} from "../score/evaluate.ts";
import type { FeatureSource } from "../score/features.ts";
import type { Model } from "../score/model.ts";
import type { Scorer } from "../score/score.ts";
import { decisionBy } from "../score/threshold.ts";
import { learn } from "../train/learn.ts";
import {
  type CategoryResult,
  mapped,
  METRICS,
  pictured,
  REPORT,
  writeHeatmaps,
  writeJson,
  writeText,
} from "./results.ts";
import { VERSION } from "./version.ts";

/** Name of the file that says how fast it was. */
export const SPEED = "speed.json";
/** Name of the file that a run begins with. */
export const CONFIG = "config.json";

/** How fast a run was. A backbone's part is the same for all methods, and is kept in the cache. */
export interface Speed {
  /** From features to the model file; null where it was gone on with. */
  train_seconds: number | null;
  /** From features to maps and scores, the method's part alone; null without test images. */
  images_per_second: number | null;
  /** From files to maps and scores, as progress says it: reading and the backbone too; null without test images. */
  images_per_second_from_files: number | null;
  /** Of the model file. */
  model_bytes: number;
}

/** What came of a run. */
export interface RunResult extends CategoryResult {
  /** Whether its report has heat maps: not so without test images, or from a method that looks at whole images only. */
  hasHeatmaps: boolean;
}

/** What to run, and where. */
export interface RunOptions {
  /** What makes features of the images. */
  source: FeatureSource;
  category: Category;
  settings: Settings;
  /** Its folder. */
  out: string;
  /** Go on with what is there. */
  resume: boolean;
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
  await loadTruths(source.images, category, settings.image_size, missing_masks); // a bad mask is told before the work
  const isResumed = resume && await isThere(join(out, CHECKPOINT));
  let started = began;
  const onWarning = (message: string): void => source.onWarning?.(`${category.name}: ${message}`);
  let trained = began;
  const journal = new RunFolder(out, resume, onWarning);
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
    evaluation = await evaluateCategory(timed, category, {
      missing_masks,
      onProgress: progress.onProgress,
      signal,
    });
    if (needsLabels(settings.threshold) || needsLabels(settings.pixel_threshold)) {
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
    train_seconds: isResumed ? null : (trained - started) / 1000,
    images_per_second: images > 0 ? images / timed.seconds() : null,
    images_per_second_from_files: images > 0 ? images / progress.seconds() : null,
    model_bytes: (await Deno.stat(join(out, MODEL))).size,
  };
  await writeJson(join(out, SPEED), speed);
  const { metrics, decided } = evaluation, drawn = mapped(evaluation.images), hasHeatmaps = drawn.length > 0;
  const result = { metrics, decided, seconds: (tested - began) / 1000, hasHeatmaps };
  if (tiffMaps !== undefined) await writeTiffMaps(tiffMaps, category.name, drawn);
  await writeResults(options, evaluation, result);
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

async function writeResults(
  { settings, category: { name }, out }: RunOptions,
  { images }: Evaluation,
  { metrics, decided, seconds }: CategoryResult,
): Promise<void> {
  const drawn = pictured(mapped(images)),
    names = await writeHeatmaps(join(out, "heatmaps"), drawn, settings.image_size);
  const files = new Map<object, string>(drawn.map((image, i) => [image, `heatmaps/${names[i]}`]));
  const log = join(out, LOG);
  const page = reportPage({
    title: name,
    header: [...Object.keys(metrics), "seconds"],
    rows: [[...Object.values(metrics), Math.round(seconds)]],
    pictures: images.map((image) => {
      const { score, label, defect } = image;
      return { file: files.get(image) ?? null, score, label, defect: label === 1 ? defect : null };
    }),
    settings: { ...settings },
    lossCurve: await isThere(log) ? epochLosses(await readLog(log)) : [],
  });
  await writeText(join(out, REPORT), page);
  await writeJson(join(out, METRICS), { [name]: { ...metrics, ...decided } });
}

/** Writes config.json, which `--config` and `--resume` read. @param places what lies where, under the options' names */
export async function writeConfig(
  folder: string,
  settings: Settings,
  places: Record<string, string | undefined>,
  environment: object,
): Promise<void> {
  await makeFolder(folder);
  await writeJson(join(folder, CONFIG), { ...settings, ...places, environment });
}

/** What config.json says of the machine and the features. */
export function environmentOf(gpu: Gpu, features: string, weightsSha256: string | null): object {
  return {
    adtr: VERSION,
    deno: Deno.version.deno,
    adapter: gpu.info,
    backbone: features,
    weights_sha256: weightsSha256,
  };
}
