/**
 * What a run shows: a picture of each test image with its heat map, and report.html, a page that holds all there is to see.
 *
 * @module
 */
import { join } from "node:path";
import type { Category } from "../data/category.ts";
import { describeRoi } from "../data/roi.ts";
import { isThere } from "../host/files.ts";
import { files } from "../host/image_files.ts";
import { epochLosses, LOG, readLog } from "../host/log.ts";
import { MODEL } from "../host/run_folder.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type Decision, describeThreshold, type Threshold } from "../methods/decision.ts";
import { inputOf } from "../methods/resolve.ts";
import type { Settings } from "../methods/settings.ts";
import { embed, type Picture } from "../report/embed.ts";
import { indexPage } from "../report/index_page.ts";
import { METRIC_NOTES } from "../report/metric_notes.ts";
import { reportPage } from "../report/page.ts";
import type { ReportImage } from "../report/report_input.ts";
import { curvesOf, type EvaluatedImage, type Evaluation } from "../score/evaluate.ts";
import { regionsOf } from "../score/regions.ts";
import {
  type CategoryResult,
  mapped,
  pictured,
  rangeOf,
  REPORT,
  writeHeatmaps,
  writeText,
} from "./results.ts";
import { shellWord } from "./shell_word.ts";
import { VERSION } from "./version.ts";

/** What a run was made with. */
export interface Environment {
  adtr: string;
  deno: string;
  adapter: Gpu["info"];
  backbone: string;
  weights_sha256: string | null;
}

/** What config.json and the report say of the machine and the features. */
export function environmentOf(gpu: Gpu, features: string, weightsSha256: string | null): Environment {
  return {
    adtr: VERSION,
    deno: Deno.version.deno,
    adapter: gpu.info,
    backbone: features,
    weights_sha256: weightsSha256,
  };
}

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

/** What a report is about. */
export interface RunResults {
  category: Category;
  /** Where its data set is. */
  data: string;
  environment: Environment;
  settings: Settings;
  /** Its folder. */
  out: string;
  decision: Decision;
  speed: Speed;
  evaluation: Evaluation;
  result: CategoryResult;
}

/**
 * Writes the folder of heat maps, and the report.
 *
 * @throws {InputError} where an image can't be read any more, or a file not written
 */
export async function writeReport(run: RunResults): Promise<void> {
  const { category, settings, out, decision, evaluation, result: { metrics, decided } } = run;
  const { images } = evaluation, log = join(out, LOG), { threshold, pixel_threshold } = decided;
  const drawn = pictured(images), maps = mapped(drawn);
  await writeHeatmaps(join(out, "heatmaps"), maps, settings.image_size, decision.pixel?.value);
  const pictures = new Map<EvaluatedImage, Picture>();
  for (const image of drawn) pictures.set(image, await pictureOf(image, decision));
  const told = (found: Threshold | null, counts: object | null) =>
    found && { ...counts, value: found.value, words: describeThreshold(found) };
  const page = await reportPage({
    title: category.name,
    subtitle:
      `${settings.method} on ${inputOf(settings)}, ${settings.image_size}×${settings.image_size} pixels; ` +
      `${category.train.length} images to train on, ${counted(images)} to test`,
    metrics: { ...metrics },
    threshold: told(decision.image, threshold),
    pixelThreshold: told(decision.pixel, pixel_threshold),
    bestF1: decided.image_f1max_threshold,
    command: `./adtr threshold ${shellWord(join(out, MODEL))}`,
    kinds: decided.defects,
    curves: curvesOf(evaluation),
    images: images.map((image): ReportImage => {
      const { path, label, defect, score, normalised } = image;
      const kind = label === 1 ? defect : null;
      return { path, label, kind, score, normalised, picture: pictures.get(image) ?? null };
    }),
    range: rangeOf(maps),
    lossCurve: await isThere(log) ? epochLosses(await readLog(log)) : [],
    about: aboutOf(run),
    settings: { ...settings, roi: describeRoi(settings.roi) },
  });
  await writeText(join(out, REPORT), page);
}

/**
 * Writes RUN/report.html over the reports of several categories, each in a folder of its name.
 *
 * @throws {InputError} where it can't be written
 */
export async function writeIndex(
  out: string,
  data: string,
  settings: Settings,
  results: ReadonlyMap<string, CategoryResult>,
): Promise<void> {
  const names = Object.keys(METRIC_NOTES) as (keyof CategoryResult["metrics"])[];
  const rows = [...results].map(([name, { metrics, decided: { threshold }, seconds }]) => [
    { text: name, path: [name, REPORT] },
    ...names.map((metric) => metrics[metric]),
    threshold && `${threshold.fn}/${threshold.tp + threshold.fn}`,
    threshold && `${threshold.fp}/${threshold.fp + threshold.tn}`,
    threshold && String(Number(threshold.value.toPrecision(4))),
    threshold && describeThreshold(threshold),
    Math.round(seconds),
  ]);
  const means = names.map((metric) => {
    const known = [...results.values()].map(({ metrics }) => metrics[metric]).filter((value) =>
      value !== null
    );
    return known.length > 0 ? known.reduce((a, b) => a + b) / known.length : null;
  });
  const page = await indexPage(
    `${results.size} categories`,
    `${settings.method} on ${inputOf(settings)}; data set ${data}`,
    [{
      title: "Results",
      header: [
        "Category",
        ...names.map((metric) => METRIC_NOTES[metric].title),
        ...["Missed", "False alarms", "Threshold", "How it was found", "Seconds"],
      ],
      rows: [...rows, ["mean", ...means, "", "", "", "", ""]],
      digits: [0, ...names.map(() => 3), 0, 0, 0, 0, 0],
      footer: true,
    }],
  );
  await writeText(join(out, REPORT), page);
}

/** Boxes of a picture at most; a map of noise may have thousands. */
const MOST_BOXES = 64;

/** A test image as the report shows it. */
async function pictureOf(
  { path, mask, map, area, label }: EvaluatedImage,
  { pixel }: Decision,
): Promise<Picture> {
  const image = await (await files.open(path)).decode();
  const regions = map && pixel ? regionsOf(map, pixel.value, area, MOST_BOXES) : [];
  return await embed({
    image,
    map,
    area,
    mask: label === 1 && mask !== null ? await files.mask(mask, path) : null,
    boxes: regions.map(({ x, y, width, height }) => ({ x, y, width, height })),
  });
}

function thresholdIn(threshold: Threshold | null): string | null {
  return threshold && `${threshold.value}, ${describeThreshold(threshold)}`;
}

function counted(images: readonly EvaluatedImage[]): string {
  const normal = images.filter(({ label }) => label === 0).length;
  return `${normal} normal and ${images.length - normal} anomalous`;
}

function aboutOf(
  { category, data, environment, out, decision, speed, evaluation: { images }, result: { seconds } }:
    RunResults,
): Record<string, Record<string, string | number | null>> {
  const { adtr, deno, adapter, backbone, weights_sha256 } = environment;
  const rounded = (value: number | null) => value === null ? null : Number(value.toPrecision(3));
  return {
    Data: {
      "Data set": data,
      Category: category.name,
      "Training images": category.train.length,
      "Anomalous training images": category.anomalous.length,
      "Test images": counted(images),
      "Anomalous test images with masks":
        images.filter(({ label, mask }) => label === 1 && mask !== null).length,
    },
    Run: {
      Model: join(out, MODEL),
      "Bytes of the model file": speed.model_bytes,
      "Seconds in all": rounded(seconds),
      "Seconds of training, from features on": rounded(speed.train_seconds),
      "Images scored a second, from files on": rounded(speed.images_per_second_from_files),
      "Images scored a second, from features on": rounded(speed.images_per_second),
      Threshold: thresholdIn(decision.image),
      "Threshold of pixels": thresholdIn(decision.pixel),
      "Deviation of held-out scores": rounded(decision.spread),
      Ended: new Date().toISOString().replace(/:\d\d\..*/, " UTC").replace("T", " "),
    },
    Environment: {
      Program: `adtr ${adtr}, Deno ${deno}`,
      Adapter: [adapter.vendor, adapter.architecture, adapter.description].filter((text) => text).join(", ") +
        (adapter.software ? " (software)" : ""),
      Features: backbone,
      "SHA-256 of the weights": weights_sha256,
    },
  };
}
