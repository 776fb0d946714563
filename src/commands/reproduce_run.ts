/**
 * Runs what `adtr reproduce` has planned, one model after the other, each in RUN/METHOD/SEED/CATEGORY; what is there and
 * done is left alone, what was begun is gone on with, what another run is at is left to it, and what fails does not keep
 * the others from being done.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import * as v from "npm:valibot@^1.5.0";
import { listOutliers } from "../host/anomalous.ts";
import { isCifar } from "../host/cifar_images.ts";
import { openCategory } from "../host/dataset.ts";
import type { Category } from "../data/category.ts";
import { defaultCache } from "../host/feature_cache.ts";
import { InputError, SettingError } from "../errors.ts";
import { isThere, readWhole } from "../host/files.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { type BackboneName, BACKBONES } from "../model/backbones.ts";
import { checkComponents } from "../methods/projection.ts";
import { methodNamed } from "../methods/registry.ts";
import { inputOf } from "../methods/resolve.ts";
import type { Settings } from "../methods/settings.ts";
import { type OpenedSource, openSource } from "../host/feature_source.ts";
import { MODEL } from "../host/run_folder.ts";
import { readWeightFile } from "../host/tensor_files.ts";
import type { Metrics } from "../score/evaluate.ts";
import { dataSizes, type FeatureStore, sizesOf } from "../score/features.ts";
import { explain } from "./explain.ts";
import { tryLockRun } from "./folders.ts";
import { clock, type ProgressDisplay } from "./progress.ts";
import { type Entry, labelsOf, type ReproducePlan } from "./reproduce_plan.ts";
import { METRICS } from "./results.ts";
import { CONFIG, runCategory, SPEED, writeConfig } from "./run_category.ts";
import { environmentOf, type Speed } from "./run_report.ts";

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
  /** Cells that another run is at, and those that begin with what it makes. */
  elsewhere: Cell[];
}

/** All cells, in the order in which they are worked on: all methods of a category, then the next one. */
export function cellsOf({ entries, categories, seeds }: ReproducePlan): Cell[] {
  return seeds.flatMap((seed, i) => {
    const some = entries.filter(({ isSeeded }) => isSeeded || i === 0);
    return categories.flatMap((category) => some.map((entry) => ({ entry, category, seed })));
  });
}

/** Where an entry's files on a category and seed are in RUN. */
export function cellPath(entry: string, { category, seed }: Pick<Cell, "category" | "seed">): string[] {
  return [entry, `seed-${seed}`, category];
}

function cellFolder({ out }: ReproducePlan, entry: string, cell: Cell): string {
  return join(out, ...cellPath(entry, cell));
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
  const cells = cellsOf(plan), outcome: Outcome = { results: [], failures: [], elsewhere: [] };
  using sources = new Sources(plan, gpu, display);
  await refuseUnfit(plan, sources);
  for (const cell of cells) await refuseOther(plan, cell, sources);
  const outliers = plan.outliers === undefined ? undefined : await listOutliers(plan.outliers, display.warn);
  const began = performance.now(), later: Cell[] = [];
  let category: Category | undefined, ran = 0;
  type Settled = "there" | "made" | "left" | "stopped";
  const settle = async (cell: Cell, opened: OpenedSource, left: Cell[]): Promise<Settled> => {
    const before = await resultOf(plan, cell), folder = cellFolder(plan, cell.entry.name, cell);
    if (before) {
      outcome.results.push(before);
      return "there";
    }
    using lock = await tryLockRun(folder);
    if (lock === null || await beginsWithOne(plan, cell, left)) {
      left.push(cell);
      return "left";
    }
    await refuseOther(plan, cell, sources);
    const known = await resultOf(plan, cell); // again, as another run may have ended meanwhile
    if (!known) {
      if (category?.name !== cell.category) {
        category = await openCategory(plan.data, cell.category, display.warn);
      }
      const ended = await runCell(plan, cell, { gpu, opened, category, outliers, display, signal });
      if (!ended) return "stopped";
    }
    outcome.results.push(known ?? (await resultOf(plan, cell))!);
    return known ? "there" : "made";
  };
  // What another run is at has its turn again when all others have had theirs.
  for (const [round, left] of [[cells, later], [later, outcome.elsewhere]]) {
    for (const cell of round) {
      const opened = await sources.open(cell.entry.settings);
      try {
        const how = await settle(cell, opened, left);
        if (how === "stopped") return null;
        if (how !== "made") continue;
      } catch (error) {
        const message = explain(error);
        if (message === null) throw error;
        gpu.check(); // on a device that is gone nothing else would be done either
        outcome.failures.push({ ...cell, message });
      }
      ran++;
      const done = outcome.results.length + outcome.failures.length;
      const seconds = (performance.now() - began) / 1000 / ran * (cells.length - done);
      display.finish();
      const failed = outcome.failures.length > 0 ? `, ${outcome.failures.length} of them failed` : "";
      display.warn(
        `${done} of ${cells.length} models done${failed}${
          seconds > 0 ? `, about ${clock(seconds)} left` : ""
        }`,
      );
    }
  }
  return outcome;
}

/** @throws {InputError} where an entry asks for what its backbone does not have: before the work, not in its midst */
async function refuseUnfit({ entries }: ReproducePlan, sources: Sources): Promise<void> {
  for (const { name, settings } of entries) {
    try {
      const { source } = await sources.open(settings), { components, method } = settings;
      checkComponents(components, sizesOf(source).C);
      methodNamed(method).needs(settings, { ...await dataSizes(source, [], components), images: 1 });
    } catch (error) {
      throw error instanceof SettingError ? error.of(name) : error;
    }
  }
}

/** Whether a cell begins with the model of one of `cells` that is not there yet. */
async function beginsWithOne(plan: ReproducePlan, cell: Cell, cells: readonly Cell[]): Promise<boolean> {
  const { entry: { base }, category, seed } = cell;
  const one = cells.some((other) =>
    other.entry.name === base && other.category === category && other.seed === seed
  );
  return one && !await isThere(join(cellFolder(plan, base!, cell), MODEL));
}

/** Opens what settings need, each source once: for those that are disposed of together in the end. */
class Sources implements Disposable {
  #stack = new DisposableStack();
  #opened = new Map<string, OpenedSource>();
  #plan: ReproducePlan;
  #gpu: Gpu;
  #warn: (message: string) => void;
  #cache: FeatureStore | null;

  constructor(plan: ReproducePlan, gpu: Gpu, { warn }: ProgressDisplay) {
    this.#plan = plan;
    this.#gpu = gpu;
    this.#warn = warn;
    this.#cache = defaultCache(warn); // one, so that it says once what it can't do
  }

  async open(settings: Settings): Promise<OpenedSource> {
    const { backbone, levels, image_size, feature_size, feature_length, method } = settings;
    const { fit, roi, tiles, overlap } = settings;
    const { input, pooled } = methodNamed(method), pooledLevels = pooled && settings.pooled_levels;
    const key = [
      ...[input, backbone, levels, pooledLevels, image_size, feature_size, feature_length],
      ...[fit, roi, tiles, overlap],
    ].join("/");
    const known = this.#opened.get(key);
    if (known) return known;
    const { weights, weights_key } = weightsFor(this.#plan, settings);
    const opened = await openSource(this.#gpu, settings, weights, {
      weights_key,
      cache: this.#cache,
      onWarning: this.#warn,
    });
    this.#opened.set(key, this.#stack.use(opened));
    return opened;
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** The weight file and the state dict in it, unless the backbone is built in or there is none. */
function weightsFor(
  { weights, weightsKey }: ReproducePlan,
  settings: Settings,
): { weights?: string; weights_key?: string } {
  const input = inputOf(settings);
  if (input === "pixels" || BACKBONES[input as BackboneName].weights === "none") return {};
  return { weights, weights_key: weightsKey };
}

/** Where a cell's files come from, under the names of `train`'s options. */
function placesOf(plan: ReproducePlan, cell: Cell): Record<string, string | undefined> {
  const { settings, base } = cell.entry;
  return {
    data: plan.data,
    category: cell.category,
    ...weightsFor(plan, settings),
    init: base && join(cellFolder(plan, base, cell), MODEL),
    outliers: labelsOf(settings) === "images" ? plan.outliers : undefined,
  };
}

/** What cells share. */
interface Shared {
  gpu: Gpu;
  opened: OpenedSource;
  category: Category;
  outliers?: string[];
  display: ProgressDisplay;
  signal: AbortSignal;
}

/** Makes a cell whose folder this program holds. @returns false where it was stopped */
async function runCell(
  plan: ReproducePlan,
  cell: Cell,
  { gpu, opened: { source, features, weightsSha256 }, category, outliers, display, signal }: Shared,
): Promise<boolean> {
  const settings = { ...cell.entry.settings, seed: cell.seed };
  const places = placesOf(plan, cell), out = cellFolder(plan, cell.entry.name, cell);
  const init = places.init &&
    methodNamed(settings.method).readInit?.(await readWeightFile(places.init), settings, sizesOf(source));
  const environment = environmentOf(gpu, features, weightsSha256);
  await writeConfig(out, settings, places, environment);
  const result = await runCategory({
    source,
    category,
    data: plan.data,
    environment,
    settings,
    out,
    init,
    outliers: places.outliers === undefined ? undefined : outliers,
    resume: true,
    beginsAgain: true,
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
  const { [cell.category]: metrics } = await readAs(v.object({ [cell.category]: METRICS_SCHEMA }), path);
  return { ...cell, metrics, speed: await readAs(SPEED_SCHEMA, join(folder, SPEED)) };
}

/** @throws {InputError} where a cell was begun with other settings, data or weights */
async function refuseOther(
  plan: ReproducePlan,
  cell: Cell,
  sources: Sources,
): Promise<void> {
  const path = join(cellFolder(plan, cell.entry.name, cell), CONFIG);
  if (!await isThere(path)) return;
  const known: Record<string, unknown> = await readAs(v.looseObject({ data: v.string() }), path);
  const { settings } = cell.entry;
  const { data, outliers } = placesOf(plan, cell), { features } = await sources.open(settings);
  const found: Record<string, unknown> = {
    ...settings as Record<string, unknown>,
    seed: cell.seed,
    data,
    outliers,
  };
  const same = (name: string): boolean =>
    name === "data" ? sameData(known.data as string, plan.data) : known[name] === found[name];
  const differs = Object.keys(found).find((name) => !same(name));
  const before = (known.environment as { backbone?: string } | undefined)?.backbone;
  if (differs === undefined && before === features) return;
  const [name, was, is] = differs === undefined
    ? ["the backbone", before, features]
    : [differs, known[differs], found[differs]];
  throw new InputError(
    `Expected to go on with ${path}, where ${name} is ${was}, but found ${is}.\n` +
      "Another --out begins a new reproduction.",
  );
}

/** Whether two texts say the same place. */
function sameData(a: string, b: string): boolean {
  return a === b || (!isCifar(a) && !isCifar(b) && resolve(a) === resolve(b));
}

const FRACTION = v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1)));
const METRICS_SCHEMA = v.object({
  image_auroc: FRACTION,
  image_ap: FRACTION,
  image_f1max: FRACTION,
  pixel_auroc: FRACTION,
  pixel_ap: FRACTION,
  aupro: FRACTION,
});
const SPEED_SCHEMA = v.object({
  train_seconds: v.nullable(v.number()),
  images_per_second: v.nullable(v.number()),
  images_per_second_from_files: v.optional(v.nullable(v.number()), null), // not there before 0.3
  model_bytes: v.number(),
});

/** Reads JSON that a cell has left. @throws {InputError} where it is not as it was written, with what helps */
async function readAs<T>(schema: v.GenericSchema<unknown, T>, path: string): Promise<T> {
  const refuse = (found: string): never => {
    throw new InputError(
      `Expected ${path} as a run has left it, but found ${found}.\nWithout the folder ${
        dirname(path)
      } it is done again.`,
    );
  };
  const text = new TextDecoder().decode(await readWhole(path));
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return refuse((error as Error).message);
  }
  const result = v.safeParse(schema, content, { abortEarly: true });
  return result.success ? result.output : refuse(result.issues[0].message);
}
