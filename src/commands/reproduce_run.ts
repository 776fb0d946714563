/**
 * Runs what `adtr reproduce` has planned, one model after the other, each in RUN/METHOD/SEED/CATEGORY; what is there and
 * done is left alone, what was begun is gone on with, what another run is at is left to it, and what fails does not keep
 * the others from being done.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { listOutliers } from "../host/anomalous.ts";
import { openCategory } from "../host/dataset.ts";
import type { Category } from "../data/category.ts";
import { defaultCache } from "../host/feature_cache.ts";
import { SettingError } from "../errors.ts";
import { type Claim, Claims, LEASE } from "../host/claims.ts";
import { isThere } from "../host/files.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { checkComponents } from "../methods/projection.ts";
import { methodNamed } from "../methods/registry.ts";
import type { Settings } from "../methods/settings.ts";
import { type OpenedSource, openSource } from "../host/feature_source.ts";
import { MODEL } from "../host/run_folder.ts";
import { readWeightFile } from "../host/tensor_files.ts";
import { dataSizes, type FeatureStore, sizesOf } from "../score/features.ts";
import { explain } from "./explain.ts";
import { tryLockRun } from "./folders.ts";
import { clock, type ProgressDisplay } from "./progress.ts";
import {
  cellFolder,
  noteDamage,
  orAgain,
  type Outcome,
  placesOf,
  refuseOther,
  resultOf,
  weightsFor,
} from "./reproduce_cells.ts";
import { type Cell, cellName } from "./reproduce_jobs.ts";
import type { ReproducePlan } from "./reproduce_plan.ts";
import { runCategory, writeConfig } from "./run_category.ts";
import { environmentOf } from "./run_report.ts";

/**
 * Runs some of it, or all.
 *
 * @param cells what to run, each behind what it begins with
 * @returns null where it was stopped
 * @throws {InputError} where the folder holds a reproduction with other settings, or what all of it needs is missing
 */
export async function runReproduction(
  plan: ReproducePlan,
  cells: readonly Cell[],
  gpu: Gpu,
  display: ProgressDisplay,
  signal: AbortSignal,
  claims: Claims = new Claims(),
): Promise<Outcome | null> {
  const outcome: Outcome = { results: [], failures: [], missing: [] };
  using sources = new Sources(plan, gpu, display);
  await refuseUnfit(plan, sources);
  const sound: Cell[] = [];
  for (const cell of cells) {
    try {
      await refuseOther(plan, cell, (await sources.open(cell.entry.settings)).features);
      sound.push(cell);
    } catch (error) {
      noteDamage(outcome, cell, error);
    }
  }
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
    using claim = lock && !await beginsWithOne(plan, cell, left)
      ? await claims.take(folder, lock.isHeld)
      : null;
    if (claim === null) {
      left.push(cell);
      return "left";
    }
    await refuseOther(plan, cell, opened.features);
    const known = await resultOf(plan, cell); // both again, as another run may have been at it meanwhile
    if (!known) {
      if (category?.name !== cell.category) {
        category = await openCategory(plan.data, cell.category, display.warn);
      }
      try {
        const ended = await runCell(plan, cell, { gpu, opened, category, outliers, display, signal, claim });
        if (!ended && !claim.isLost()) return "stopped";
        claim.require();
      } catch (error) {
        if (!claim.isLost()) throw error;
        display.warn(`${cellName(cell)}: another run has taken over what seemed to be left`);
        left.push(cell);
        return "left";
      }
    }
    await claim.finish();
    outcome.results.push(known ?? (await resultOf(plan, cell))!);
    return known ? "there" : "made";
  };
  // What another run is at has its turn again when all others have had theirs.
  for (const [round, left] of [[sound, later], [later, outcome.missing]] as const) {
    for (const cell of round) {
      if (round === later) {
        await claims.known(cellFolder(plan, cell.entry.name, cell), signal, () => {
          display.warn(
            `${cellName(cell)}: waiting for a sign of life of the run that was at it, for ${
              LEASE / 60_000
            } minutes at most`,
          );
        });
      }
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
    const { backbone, levels, precision, image_size, feature_size, feature_length, method } = settings;
    const { fit, roi, tiles, overlap } = settings;
    const { input, pooled } = methodNamed(method), pooledLevels = pooled && settings.pooled_levels;
    const key = [
      ...[input, backbone, levels, pooledLevels, precision, image_size, feature_size, feature_length],
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

/** What cells share. */
interface Shared {
  gpu: Gpu;
  opened: OpenedSource;
  category: Category;
  outliers?: string[];
  display: ProgressDisplay;
  signal: AbortSignal;
  claim: Claim;
}

/** Makes a cell whose folder this program holds. @returns false where it was stopped */
async function runCell(
  plan: ReproducePlan,
  cell: Cell,
  { gpu, opened: { source, features, weightsSha256 }, category, outliers, display, signal, claim }: Shared,
): Promise<boolean> {
  const settings = { ...cell.entry.settings, seed: cell.seed };
  const places = placesOf(plan, cell), out = cellFolder(plan, cell.entry.name, cell);
  const { init: begun } = places, { readInit } = methodNamed(settings.method);
  const init = begun &&
    await orAgain(
      dirname(begun),
      async () => readInit?.(await readWeightFile(begun), settings, sizesOf(source)),
    );
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
    signal: AbortSignal.any([signal, claim.signal]),
    requireOwn: () => claim.require(),
    onProgress: (event) => display.onProgress({ ...event, category: labelOf(cell, plan) }),
  });
  return result !== null;
}

/** What progress calls a cell. */
function labelOf({ entry, category, seed }: Cell, { seeds }: ReproducePlan): string {
  return `${category} ${entry.name}${seeds.length > 1 ? ` seed ${seed}` : ""}`;
}
