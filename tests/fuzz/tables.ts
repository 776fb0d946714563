/**
 * What runs and calls leave behind and read again: config.json, log.jsonl, results of a reproduction, a folder of unfinished
 * scores, entries of the feature cache; and VisA's table.
 *
 * @module
 */
import { join } from "node:path";
import { placesOf } from "../../src/commands/reproduce_cells.ts";
import { type Cell, cellsOf } from "../../src/commands/reproduce_jobs.ts";
import { planReproduction, type ReproducePlan } from "../../src/commands/reproduce_plan.ts";
import { METRICS } from "../../src/commands/results.ts";
import { CONFIG, SPEED } from "../../src/commands/run_category.ts";
import type { ScoreState } from "../../src/commands/score_folder.ts";
import { FORMATS, type ScoreRow } from "../../src/commands/score_rows.ts";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import { mapRecord } from "../../src/host/records.ts";
import { resolveSettings } from "../../src/methods/resolve.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";
import { concat } from "../reference/checkpoint.ts";
import type { Bytes } from "./mutations.ts";
import { utf8 } from "./texts.ts";

/** Configs of several methods, and one with places only. */
export function configSeeds(): Map<string, Bytes> {
  const of = (given: object) => utf8(JSON.stringify(given, null, 2));
  const settings = (method: string) =>
    resolveSettings({ method, backbone: "gabor" }, { preset: "paper", data: "folder", weights: false });
  return new Map([
    ...["adtr", "patchcore", "kde"].map((method): [string, Bytes] => [
      method,
      of({
        ...settings(method),
        data: "demo",
        category: "bottle",
        environment: { deno: "2.9.6", gpu: [1, 2] },
      }),
    ]),
    ["places", of({ preset: "demo", weights: null, out: "runs/x", roi: "mask 4x2: 1,5,2", threshold: "f1" })],
  ]);
}

/** Logs of a method and of one with parts of its loss. */
export function logSeeds(): Map<string, Bytes> {
  const line = (step: number, parts: object) =>
    JSON.stringify({ step, epoch: Math.ceil(step / 2), loss: 1 / step, lr: 1e-4, grad_norm: 2, ...parts }) +
    "\n";
  const log = (parts: object) => utf8([1, 2, 3, 4].map((step) => line(step, parts)).join(""));
  return new Map([["plain", log({})], ["parts", log({ generator: 0.5, critic: 2 })]]);
}

/** Of and with what an unfinished call is, with its rows as CSV or as JSON. */
export function scoreState(rows: "csv" | "jsonl"): ScoreState {
  return {
    format: "adtr score 1",
    rows,
    maps: true,
    heatmaps: "in the end",
    model: "0123",
    images: ["a.png"],
  };
}

const ROWS: readonly ScoreRow[] = [
  { image: "a.png", score: 0.5, label: "normal", normalised: 0.25, heatmap: "a.png", error: null },
  { image: 'b, "c".png', score: null, label: null, normalised: null, heatmap: null, error: "Can't read\nb" },
  { image: "=d.png", score: 1.5, label: "anomalous", normalised: 0.75, heatmap: "d.png", error: null },
];

/** All files of such folders, as `csv/scores.csv`. */
export function scoreSeeds(): Map<string, Bytes> {
  const map = (name: string) => mapRecord({ width: 4, height: 3, data: fill(name, 12) });
  return new Map((["csv", "jsonl"] as const).flatMap((rows): [string, Bytes][] => {
    const { file, head, line } = FORMATS[rows];
    return [
      [`${rows}/score.json`, utf8(JSON.stringify(scoreState(rows), null, 2))],
      [`${rows}/${file}`, utf8(head + ROWS.map(line).join(""))],
      [`${rows}/maps`, concat(map("a"), map("d"))],
    ];
  }));
}

/** A reproduction of one model in a folder. */
export async function reproductionOf(out: string): Promise<{ plan: ReproducePlan; cell: Cell }> {
  const plan = await planReproduction("demo", {}, { out, methods: "knn", category: "bottle", seeds: 1 });
  return { plan, cell: cellsOf(plan)[0] };
}

/** What its model has left, by the files' names. */
export async function resultSeeds(): Promise<Map<string, Bytes>> {
  const { plan, cell } = await reproductionOf("");
  const fractions = {
    image_auroc: 1,
    image_ap: 0.5,
    image_f1max: 0.25,
    pixel_auroc: null,
    pixel_ap: 0,
    aupro: null,
  };
  const speed = {
    train_seconds: 1.5,
    images_per_second: 40,
    images_per_second_from_files: 20,
    model_bytes: 4096,
  };
  const environment = {
    adtr: "0.2.0",
    deno: "2.9.6",
    adapter: {},
    backbone: "gabor-1",
    weights_sha256: null,
  };
  const config = { ...cell.entry.settings, seed: cell.seed, ...placesOf(plan, cell), environment };
  const files = { [METRICS]: { [cell.category]: fractions }, [SPEED]: speed, [CONFIG]: config };
  return new Map(
    Object.entries(files).map(([name, content]) => [name, utf8(JSON.stringify(content, null, 2))]),
  );
}

/** A table of two categories. */
export function visaSeeds(): Map<string, Bytes> {
  const table = "object,split,label,image,mask\n" +
    "candle,train,normal,candle/0.JPG,\ncandle,test,normal,candle/1.JPG,\n" +
    "candle,test,anomaly,candle/2.JPG,candle/2.png\npcb1,train,normal,pcb1/0.JPG,\n";
  return new Map([["unix", utf8(table)], ["windows", utf8(table.replaceAll("\n", "\r\n"))]]);
}

/** The key of {@linkcode featureSeeds}. */
export const FEATURES_KEY = "a key";

/** The file of an entry, below a cache's folder. */
async function entryIn(folder: string): Promise<string> {
  const [shelf] = await Array.fromAsync(Deno.readDir(folder));
  const [entry] = await Array.fromAsync(Deno.readDir(join(folder, shelf.name)));
  return join(folder, shelf.name, entry.name);
}

/** Puts an entry into a cache's folder, or makes one for its path. @returns the path */
export async function featureEntry(folder: string, file?: Bytes): Promise<string> {
  await new FeatureCache(folder).put(FEATURES_KEY, fill("features", 24));
  const path = await entryIn(folder);
  if (file) await Deno.writeFile(path, file);
  return path;
}

/** An entry of the feature cache. */
export async function featureSeeds(): Promise<Map<string, Bytes>> {
  const seeds = new Map<string, Bytes>();
  await inFolder(async (folder) => {
    seeds.set("entry", await Deno.readFile(await featureEntry(folder)));
  });
  return seeds;
}
