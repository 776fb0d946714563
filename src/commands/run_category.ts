/**
 * One category's run from images to report: a folder with config.json, log.jsonl, checkpoint and model, speed.json, heat
 * maps, report.html, and last of all metrics.json, which says that it is done.
 *
 * @module
 */
import { join } from "node:path";
import { isThere, makeFolder } from "../host/files.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Backbone } from "../model/backbone.ts";
import { reportPage } from "../report/page.ts";
import { writeTiffMaps } from "../host/tiff_maps.ts";
import { CHECKPOINT } from "../train/checkpoint.ts";
import { evaluateCategory, type Evaluation, loadTruths } from "../score/evaluate.ts";
import { fitCategory } from "../train/fit.ts";
import { epochLosses, LOG, readLog } from "../host/log.ts";
import type { Scorer } from "../train/scorer.ts";
import type { Settings } from "../train/settings.ts";
import { MODEL, trainCategory } from "../train/train.ts";
import type { TrainOptions } from "../train/train_options.ts";
import { type CategoryResult, mapped, pictured, writeHeatmaps, writeJson, writeText } from "./results.ts";
import { VERSION } from "./version.ts";

/** Name of the file that a run ends with. */
export const METRICS = "metrics.json";
/** Name of the file that says how fast it was. */
export const SPEED = "speed.json";
/** Name of the file that a run begins with. */
export const CONFIG = "config.json";

/** How fast a run was, from features on: a backbone's part is the same for all methods, and is kept in the cache. */
export interface Speed {
  /** From features to the model file; null where it was gone on with. */
  train_seconds: number | null;
  /** From features to maps and scores; null without test images. */
  images_per_second: number | null;
  /** Of the model file. */
  model_bytes: number;
}

/**
 * Trains and tests a model.
 *
 * @param tiffMaps folder for the maps as TIFFs, in a folder of the category's name; none are written without
 * @returns null where it was stopped
 * @throws {InputError} as `trainCategory` and `evaluateCategory` do, and where a file can't be written
 */
export async function runCategory(options: TrainOptions, tiffMaps?: string): Promise<CategoryResult | null> {
  const { source, category, settings, out, onProgress, signal } = options, began = performance.now();
  await makeFolder(out);
  await loadTruths(source.images, category, settings.image_size); // a bad mask is told before the work
  const isResumed = options.resume && await isThere(join(out, CHECKPOINT));
  let started = began;
  const onStart = async (): Promise<void> => {
    await options.onStart?.();
    started = performance.now();
  };
  const scorer = settings.method === "adtr"
    ? (await trainCategory({ ...options, onStart })).detector
    : await fitCategory({ ...options, onStart });
  if (scorer === null) return null;
  const trained = performance.now(), timed = timedScorer(scorer);
  let evaluation: Evaluation;
  try {
    evaluation = await evaluateCategory(source, timed, settings, category, { onProgress, signal });
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  } finally {
    scorer.release();
  }
  const tested = performance.now(), images = evaluation.images.length;
  const speed: Speed = {
    train_seconds: isResumed ? null : (trained - started) / 1000,
    images_per_second: images > 0 ? images / timed.seconds() : null,
    model_bytes: (await Deno.stat(join(out, MODEL))).size,
  };
  await writeJson(join(out, SPEED), speed);
  const result = { metrics: evaluation.metrics, seconds: (tested - began) / 1000 };
  if (tiffMaps !== undefined) {
    await writeTiffMaps(tiffMaps, category.name, mapped(evaluation.images), settings.image_size);
  }
  await writeResults(options, evaluation, result);
  return result;
}

/** A scorer that says how long it has scored, and the transfer of features took. */
function timedScorer(scorer: Scorer): Scorer & { seconds(): number } {
  let total = 0;
  return {
    pooled: scorer.pooled,
    maps: scorer.maps,
    async score(...inputs) {
      const began = performance.now();
      try {
        return await scorer.score(...inputs);
      } finally {
        total += (performance.now() - began) / 1000;
      }
    },
    release: () => scorer.release(),
    seconds: () => total,
  };
}

async function writeResults(
  { settings, category: { name }, out }: TrainOptions,
  { images }: Evaluation,
  { metrics, seconds }: CategoryResult,
): Promise<void> {
  const drawn = pictured(mapped(images)),
    names = await writeHeatmaps(join(out, "heatmaps"), drawn, settings.image_size);
  const files = new Map<object, string>(drawn.map((image, i) => [image, `heatmaps/${names[i]}`]));
  const page = reportPage({
    title: name,
    header: [...Object.keys(metrics), "seconds"],
    rows: [[...Object.values(metrics), Math.round(seconds)]],
    pictures: images.map((image) => {
      const { score, label, defect } = image;
      return { file: files.get(image) ?? null, score, label, defect: label === 1 ? defect : null };
    }),
    settings: { ...settings },
    lossCurve: settings.method === "adtr" ? epochLosses(await readLog(join(out, LOG))) : [],
  });
  await writeText(join(out, "report.html"), page);
  await writeJson(join(out, METRICS), { [name]: metrics });
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

/** What config.json says of the machine and the backbone. */
export function environmentOf(gpu: Gpu, { fingerprint }: Backbone, weightsSha256: string | null): object {
  return {
    adtr: VERSION,
    deno: Deno.version.deno,
    adapter: gpu.info,
    backbone: fingerprint,
    weights_sha256: weightsSha256,
  };
}
