/**
 * Runs what `adtr reproduce` has planned, one model after the other, each in RUN/METHOD/SEED/CATEGORY; what is there and
 * done is left alone, what was begun is gone on with, and what fails does not keep the others from being done.
 *
 * @module
 */
import { join } from "node:path";
import { listOutliers } from "../data/anomalous.ts";
import { type Category, openCategory } from "../data/dataset.ts";
import { defaultCacheFolder } from "../data/feature_cache.ts";
import { InputError } from "../errors.ts";
import { isThere, readWhole } from "../files.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { readParameters } from "../model/model_file.ts";
import { isBuiltIn, openBackbone, type OpenedBackbone } from "../train/backbone.ts";
import type { Metrics } from "../train/evaluate.ts";
import type { Settings } from "../train/settings.ts";
import { adtrConfig, MODEL } from "../train/train.ts";
import { clock, type ProgressDisplay } from "./progress.ts";
import type { Entry, ReproducePlan } from "./reproduce_plan.ts";
import {
  CONFIG,
  environmentOf,
  METRICS,
  runCategory,
  SPEED,
  type Speed,
  writeConfig,
} from "./run_category.ts";

/** One model to train and test. */
export interface Cell {
  entry: Entry;
  category: string;
  seed: number;
}

/** A cell that is done. */
export interface CellResult extends Cell {
  metrics: Metrics;
  speed: Speed;
}

/** A cell that is not, and why. */
export interface CellFailure extends Cell {
  message: string;
}

/** What came of a plan. */
export interface Outcome {
  results: CellResult[];
  failures: CellFailure[];
}

/** All cells, in the order in which they are worked on: all methods of a category, then the next one. */
export function cellsOf({ entries, categories, seeds }: ReproducePlan): Cell[] {
  return seeds.flatMap((seed, i) => {
    const some = entries.filter(({ isSeeded }) => isSeeded || i === 0);
    return categories.flatMap((category) => some.map((entry) => ({ entry, category, seed })));
  });
}

/** Where an entry's files on a cell's category and seed are. */
function cellFolder({ out }: ReproducePlan, entry: string, { category, seed }: Cell): string {
  return join(out, entry, `seed-${seed}`, category);
}

/**
 * Runs it.
 *
 * @returns null where it was stopped
 * @throws {InputError} where the folder holds a reproduction with other settings, or what all of it needs is missing
 */
export async function runReproduction(
  plan: ReproducePlan,
  gpu: Gpu,
  display: ProgressDisplay,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const cells = cellsOf(plan), outcome: Outcome = { results: [], failures: [] };
  for (const cell of cells) await refuseOther(plan, cell);
  const outliers = plan.outliers === undefined ? undefined : await listOutliers(plan.outliers);
  const backbones = new Map<string, OpenedBackbone>();
  for (const { settings } of plan.entries) {
    const key = backboneKey(settings);
    if (!backbones.has(key)) {
      backbones.set(key, await openBackbone(gpu, settings.backbone, weightsFor(plan, settings), settings));
    }
  }
  const began = performance.now();
  let category: Category | undefined, ran = 0;
  for (const [i, cell] of cells.entries()) {
    const done = await resultOf(plan, cell);
    if (done) {
      outcome.results.push(done);
      continue;
    }
    try {
      if (category?.name !== cell.category) category = await openCategory(plan.data, cell.category);
      const opened = backbones.get(backboneKey(cell.entry.settings))!;
      const ended = await runCell(plan, cell, { gpu, opened, category, outliers, display, signal });
      if (!ended) return null;
      outcome.results.push((await resultOf(plan, cell))!);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      outcome.failures.push({ ...cell, message: error.message });
    }
    ran++;
    const left = (performance.now() - began) / 1000 / ran * (cells.length - i - 1);
    display.finish();
    display.warn(`${i + 1} of ${cells.length} models done${left > 0 ? `, about ${clock(left)} left` : ""}`);
  }
  return outcome;
}

/** Settings of the same key have the same backbone. */
function backboneKey({ backbone, levels, image_size, feature_size }: Settings): string {
  return [backbone, levels, image_size, feature_size].join("/");
}

/** The weight file, unless the backbone is built in. */
function weightsFor({ weights }: ReproducePlan, { backbone }: Settings): string | undefined {
  return isBuiltIn(backbone) ? undefined : weights;
}

/** What cells share. */
interface Shared {
  gpu: Gpu;
  opened: OpenedBackbone;
  category: Category;
  outliers?: string[];
  display: ProgressDisplay;
  signal: AbortSignal;
}

/** @returns false where it was stopped */
async function runCell(
  plan: ReproducePlan,
  cell: Cell,
  { gpu, opened: { backbone, weightsSha256 }, category, outliers, display, signal }: Shared,
): Promise<boolean> {
  const settings = { ...cell.entry.settings, seed: cell.seed }, out = cellFolder(plan, cell.entry.name, cell);
  const { base } = cell.entry, init = base && join(cellFolder(plan, base, cell), MODEL);
  const parameters = init && await readParameters(init, adtrConfig(settings, backbone.channels));
  const { data, weights } = plan,
    places = { data, category: cell.category, weights, init, outliers: plan.outliers };
  await writeConfig(out, settings, places, environmentOf(gpu, backbone, weightsSha256));
  const { image_size, feature_size } = settings, cacheFolder = defaultCacheFolder();
  const result = await runCategory({
    source: { gpu, backbone, image_size, feature_size, cacheFolder },
    category,
    settings,
    out,
    init: parameters || undefined,
    outliers,
    resume: true,
    signal,
    onProgress: (event) => display.onProgress({ ...event, category: labelOf(cell, plan) }),
  });
  return result !== null;
}

/** What progress calls a cell. */
function labelOf({ entry, category, seed }: Cell, { seeds }: ReproducePlan): string {
  return `${category} ${entry.name}${seeds.length > 1 ? ` seed ${seed}` : ""}`;
}

/** What a cell that is done has left on disk, else null. */
async function resultOf(plan: ReproducePlan, cell: Cell): Promise<CellResult | null> {
  const folder = cellFolder(plan, cell.entry.name, cell), path = join(folder, METRICS);
  if (!await isThere(path)) return null;
  const metrics = (await readJson(path))[cell.category] as Metrics;
  return { ...cell, metrics, speed: await readJson(join(folder, SPEED)) as unknown as Speed };
}

/** @throws {InputError} where a cell was begun with other settings or data */
async function refuseOther(plan: ReproducePlan, cell: Cell): Promise<void> {
  const path = join(cellFolder(plan, cell.entry.name, cell), CONFIG);
  if (!await isThere(path)) return;
  const known = await readJson(path);
  const wanted = { ...cell.entry.settings, seed: cell.seed, data: plan.data };
  const weights = weightsFor(plan, cell.entry.settings);
  for (const [name, value] of Object.entries({ ...wanted, weights })) {
    if (known[name] !== value) {
      throw new InputError(
        `Expected to go on with ${path}, where ${name} is ${known[name]}, but found ${value}.\n` +
          "Another --out begins a new reproduction.",
      );
    }
  }
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(new TextDecoder().decode(await readWhole(path)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`Expected JSON in ${path}, but found ${(error as Error).message}`);
  }
}
