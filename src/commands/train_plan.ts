/**
 * What `adtr train` is going to do, from its options, config file and what lies on disk, decided before anything is
 * written.
 *
 * @module
 */
import { join } from "node:path";
import { listCategories } from "../host/dataset.ts";
import { withRoi } from "../host/roi_file.ts";
import { defectsOf, proceduralCategories } from "../data/procedural/sample.ts";
import { shortened, UsageError } from "../errors.ts";
import { methodNamed } from "../methods/registry.ts";
import type { MissingMasks } from "../score/evaluate.ts";
import type { Settings, Value } from "../methods/settings.ts";
import { type Config, readConfig, settingsOf } from "./config.ts";
import { demoFolder } from "./demo_data.ts";
import { refuseRun } from "./folders.ts";
import { categoryList, flagOf } from "./options.ts";
import { givenWeights, type WeightsOptions } from "./weights_options.ts";

/** Options of `train` that are no settings. */
export interface TrainPlaces extends WeightsOptions {
  data?: string;
  category?: string;
  anomalous?: string;
  outliers?: string;
  init?: string;
  out?: string;
  config?: string;
  preset?: string;
  resume?: boolean;
  mapsTiff?: boolean;
  missingMasks?: MissingMasks;
}

/** A run. */
export interface TrainPlan extends WeightsOptions {
  settings: Settings;
  /** What settings are by default, and whether that was asked for. */
  preset: string;
  isPresetGiven: boolean;
  /** Folder of the data set; with `isDemo`, made where it isn't there. */
  data: string;
  isDemo: boolean;
  categories: string[];
  /** Folder of labelled anomalous images. */
  anomalous?: string;
  /** Irrelevant images: a folder or CIFAR. */
  outliers?: string;
  init?: string;
  /** RUN. */
  out: string;
  resume: boolean;
  /** Whether to write maps for the MVTec evaluation scripts. */
  mapsTiff: boolean;
  /** What to do about anomalous test images without masks. */
  missingMasks?: MissingMasks;
}

/** Categories of the demo: an object seen from above and two textures. */
export const DEMO_CATEGORIES = ["bottle", "wood", "leather"];

/**
 * Plans a run.
 *
 * @param options settings among the options; `roi` may be a file's path
 * @param hasGpu whether there is one that can train what weights of one's own are likely to be meant for
 * @throws {UsageError} where options are wrong or don't fit together
 * @throws {InputError} where files don't fit: a config that is no JSON, no data, a run in the way
 */
export async function planTraining(
  options: Partial<Settings>,
  places: TrainPlaces,
  hasGpu = false,
): Promise<TrainPlan> {
  const given = await withRoi(options);
  const resume = places.resume ?? false;
  const config = resume ? await savedConfig(given, places) : await givenConfig(given, places);
  const { data, category, anomalous, outliers, init, out, preset } = { ...config.places, ...places };
  const { weights, weightsKey } = givenWeights(places, config.places);
  const isDemo = data === undefined;
  const name = preset ?? (isDemo ? "demo" : weights !== undefined && hasGpu ? "paper" : "small");
  const settings = settingsOf([given, config.settings], name, weights, data ?? "demo");
  const root = data ?? demoFolder(settings.image_size);
  const plan: TrainPlan = {
    settings,
    preset: name,
    isPresetGiven: preset !== undefined || resume,
    data: root,
    isDemo,
    categories: isDemo
      ? demoCategories(category)
      : categoryList(category ?? "all") ?? await listCategories(root),
    anomalous,
    outliers,
    weights,
    weightsKey,
    init,
    out: out ?? join("runs", timestamp(new Date())),
    resume,
    mapsTiff: places.mapsTiff ?? false,
    missingMasks: places.missingMasks,
  };
  checkAnomalies(plan);
  const method = methodNamed(settings.method);
  if (plan.mapsTiff && !method.maps) {
    throw new UsageError(`Expected --maps-tiff with a method that makes maps, but found ${method.name}`);
  }
  if (init !== undefined && !method.readInit) {
    throw new UsageError(
      `Expected --init with a method that begins with parameters, but found ${method.name}`,
    );
  }
  if (!resume) await refuseOverwriting(plan);
  return plan;
}

/** @throws {UsageError} where anomalous images are given to a method, or with settings, that have no use for them */
function checkAnomalies({ settings, anomalous, outliers, categories }: TrainPlan): void {
  const { labels, labelled, name } = methodNamed(settings.method), learned = labels?.(settings) ?? null;
  const asked = (kinds: ("pixels" | "images")[]): string => {
    if (!labelled) return "a method that learns from anomalous images";
    const ways = kinds.flatMap((kind) => Object.entries(labelled[kind]));
    return ways.map(([setting, value], i) => i === 0 ? `${flagOf(setting)} ${value}` : value).join(" or ");
  };
  const found = (): string => {
    const [setting] = Object.keys(labelled?.pixels ?? {});
    return setting === undefined ? name : `${flagOf(setting)} ${settings[setting]}`;
  };
  if (outliers !== undefined && (learned !== "images" || anomalous !== undefined)) {
    throw new UsageError(
      `Expected --outliers with ${asked(["images"])} and without --anomalous only, but found ` +
        (learned === "images" ? `--anomalous ${anomalous}` : found()),
    );
  }
  if (anomalous === undefined) return;
  if (learned === null) {
    throw new UsageError(`Expected --anomalous with ${asked(["pixels", "images"])}, but found ${found()}`);
  }
  if (categories.length > 1) {
    throw new UsageError(`Expected one category with --anomalous, but found ${categories.join(", ")}`);
  }
}

/** Where a category's files go: RUN itself where it is the only one. */
export function folderOf(category: string, { out, categories }: TrainPlan): string {
  return categories.length === 1 ? out : join(out, category);
}

async function givenConfig({ method }: Partial<Settings>, { config }: TrainPlaces): Promise<Config> {
  return config === undefined ? { settings: {}, places: {} } : await readConfig(config, method);
}

/** The config of the run that is to be gone on with. Only the number of epochs may be another one. */
async function savedConfig(
  given: Partial<Settings>,
  { out, config, preset, category }: TrainPlaces,
): Promise<Config> {
  if (out === undefined) {
    throw new UsageError("Expected --out RUN with --resume, the run to go on with, but found none");
  }
  if (config !== undefined) {
    throw new UsageError(
      `Expected no --config with --resume, which takes ${out}/config.json, but found ${config}`,
    );
  }
  if (preset !== undefined) {
    throw new UsageError(
      `Expected no --preset with --resume, which takes ${out}/config.json, but found ${preset}`,
    );
  }
  const path = join(out, "config.json");
  const saved = await readConfig(path);
  // With other ones, other folders would be this run's.
  if (category !== undefined && category !== saved.places.category) {
    throw new UsageError(
      `Expected --category to be ${saved.places.category} as in ${path}, but found ${category}`,
    );
  }
  for (const [name, value] of Object.entries(given) as [string, Value][]) {
    if (name !== "epochs" && saved.settings[name] !== value) {
      throw new UsageError(
        `Expected ${flagOf(name)} to be ${shortened(saved.settings[name])} as in ${path}, but found ${
          shortened(value)
        }`,
      );
    }
  }
  return saved;
}

function demoCategories(category: string | undefined): string[] {
  if (category === undefined) return DEMO_CATEGORIES;
  const names = categoryList(category) ?? [...proceduralCategories];
  for (const name of names) defectsOf(name); // throws for an unknown one
  return names;
}

/** @throws {InputError} where a new run would get in the way of an old one */
export async function refuseOverwriting(plan: TrainPlan): Promise<void> {
  for (const folder of new Set([...plan.categories.map((name) => folderOf(name, plan)), plan.out])) {
    await refuseRun(folder);
  }
}

/** Local time as 2026-01-31_235959, for names that sort. */
function timestamp(now: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  return `${date}_${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
