/**
 * What `adtr reproduce` is going to run: a target's methods, or the variants of its ablations, each with its settings,
 * on every category and with every seed.
 *
 * @module
 */
import { join } from "node:path";
import { isCifar } from "../host/cifar_images.ts";
import { listCategories } from "../host/dataset.ts";
import { proceduralCategories } from "../data/procedural/sample.ts";
import { SettingError, UsageError } from "../errors.ts";
import { inputOf, OF_FEATURES, SETTINGS } from "../methods/resolve.ts";
import { didYouMean } from "../nearest.ts";
import { methodNamed, methods as allMethods } from "../methods/registry.ts";
import type { Method } from "../methods/method.ts";
import type { Settings } from "../methods/settings.ts";
import { type BackboneName, BACKBONES } from "../model/backbones.ts";
import { PAPER_TABLES } from "../report/paper_numbers.ts";
import { settingsOf } from "./config.ts";
import { categoryList, flagOf } from "./options.ts";
import { demoFolder } from "./demo_data.ts";
import { givenWeights, type WeightsOptions } from "./weights_options.ts";

/** What can be reproduced. */
export const TARGETS = ["mvtec", "cifar10", "demo", "ablations"] as const;
/** One of them. */
export type Target = typeof TARGETS[number];

/** A method or a variant of it. */
export interface Entry {
  /** Also the name of its folder. */
  name: string;
  /** But for the seed. */
  settings: Settings;
  /** The entry whose trained model it begins with. */
  base?: string;
  /** Whether another seed makes a difference. */
  isSeeded: boolean;
}

/** All there is to do. */
export interface ReproducePlan extends WeightsOptions {
  target: Target;
  preset: string;
  data: string;
  /** Whether the data are procedural, made where they are missing. */
  isDemo: boolean;
  /** Side of the procedural pictures. */
  pictureSize: number;
  /** Irrelevant images, for ADTR+ with labelled images. */
  outliers?: string;
  out: string;
  entries: Entry[];
  categories: string[];
  seeds: number[];
}

/** The command's options that are no settings. */
export interface ReproduceOptions extends WeightsOptions {
  data?: string;
  category: string;
  outliers?: string;
  out?: string;
  preset?: string;
  seeds: number;
  methods?: string;
  plusEpochs?: number;
}

/**
 * Plans it.
 *
 * @param given settings among the options
 * @throws {UsageError} where options are wrong or don't fit together
 * @throws {InputError} where there are no such data
 */
export async function planReproduction(
  target: string,
  given: Partial<Settings>,
  options: ReproduceOptions,
): Promise<ReproducePlan> {
  checkTarget(target);
  const isDemo = target === "demo" || (target === "ablations" && options.data === undefined);
  const { outliers, preset = isDemo ? "demo" : "paper" } = options;
  const { weights, weightsKey } = givenWeights(options);
  if (target === "demo" && options.data !== undefined) {
    throw new UsageError(`Expected no --data for the demo, which makes its own, but found ${options.data}`);
  }
  refuseUseless(target, options);
  const resolve = (chosen: Partial<Settings>, withWeights = true): Settings =>
    settingsOf([chosen, UNDECIDED_TABLES], preset, withWeights ? weights : undefined, options.data ?? "demo");
  const common = Object.fromEntries(
    Object.entries(given).filter(([name]) => SETTINGS.get(name)!.length === 0),
  );
  const settings = resolve(common);
  const data = dataOf(target, options.data, settings);
  const entries = target === "ablations"
    ? ablations(given, resolve)
    : methods(target, given, options, resolve);
  for (const name of Object.keys(given)) {
    if (entries.some(({ settings }) => takes(methodNamed(settings.method), name))) continue;
    const having = allMethods.filter((method) => takes(method, name)).map(({ name }) => name);
    throw new UsageError(
      `Expected ${flagOf(name)} with one of the methods that have it, ${having.join(", ")}, but found ${
        entries.map(({ name }) => name).join(", ")
      }`,
    );
  }
  if (weights !== undefined && entries.every(({ settings }) => inputOf(settings) === "pixels")) {
    throw new UsageError(`Expected no --weights with methods that look at pixels only, but found ${weights}`);
  }
  const wanting = entries.find(({ settings }) => labelsOf(settings) === "images");
  if (target === "cifar10" && outliers === undefined && wanting) {
    throw new UsageError(
      `Expected --outliers ROOT for ${wanting.name} on CIFAR-10, cifar100:PATH in the paper, but found none.\n` +
        `--methods leaves ${wanting.name} out where it doesn't name it.`,
    );
  }
  return {
    target,
    preset,
    data,
    isDemo,
    pictureSize: settings.image_size,
    weights,
    weightsKey,
    outliers,
    out: options.out ?? join("runs", `reproduce-${target}`),
    entries,
    categories: await categoriesOf(options.category, data, isDemo),
    seeds: Array.from({ length: options.seeds }, (_, i) => settings.seed + i),
  };
}

/** Tables have no use for thresholds, whose trainings take a multiple of the time. */
const UNDECIDED_TABLES: Partial<Settings> = { threshold: "none", pixel_threshold: "none", folds: 0 };

/** Refuses options that a target has no use for. */
function refuseUseless(target: Target, { methods, plusEpochs, outliers }: ReproduceOptions): void {
  const useless = { "--methods": methods, "--plus-epochs": plusEpochs };
  const given = {
    "--outliers": target === "cifar10" ? undefined : outliers,
    ...(target === "ablations" ? useless : {}),
  };
  for (const [flag, value] of Object.entries(given)) {
    if (value !== undefined) throw new UsageError(`Expected no ${flag} with ${target}, but found ${value}`);
  }
}

/** @throws {UsageError} where one is not there */
async function categoriesOf(asked: string, data: string, isDemo: boolean): Promise<string[]> {
  const known = isDemo ? proceduralCategories : await listCategories(data),
    names = categoryList(asked) ?? [...known];
  const other = names.find((name) => !known.includes(name));
  if (other === undefined) return names;
  throw new UsageError(
    `Expected --category to be some of ${known.join(", ")}, but found "${other}"${didYouMean(other, known)}`,
  );
}

function checkTarget(target: string): asserts target is Target {
  if ((TARGETS as readonly string[]).includes(target)) return;
  throw new UsageError(
    `Expected one of ${TARGETS.join(", ")} to reproduce, but found "${target}"${didYouMean(target, TARGETS)}`,
  );
}

function dataOf(target: Target, data: string | undefined, { image_size }: Settings): string {
  if (target === "cifar10" && !(data?.startsWith("cifar10:"))) {
    throw new UsageError(`Expected --data cifar10:PATH for cifar10, but found ${data ?? "none"}`);
  }
  if (target === "mvtec" && (data === undefined || isCifar(data))) {
    throw new UsageError(`Expected --data ROOT, MVTec-AD's folder, for mvtec, but found ${data ?? "none"}`);
  }
  return data ?? demoFolder(image_size);
}

/** Settings in effect from those given. @param withWeights whether the weight file goes with them */
type Resolve = (chosen: Partial<Settings>, withWeights?: boolean) => Settings;

/** What labels settings learn from. */
export function labelsOf(settings: Settings): "pixels" | "images" | null {
  return methodNamed(settings.method).labels?.(settings) ?? null;
}

/** Whether a method has a use for a setting. */
function takes({ settings, input }: Method, name: string): boolean {
  if (SETTINGS.get(name)!.length > 0) return Object.hasOwn(settings, name);
  return input !== "pixels" || !Object.hasOwn(OF_FEATURES, name);
}

/** Methods and their variants that `--methods` names: some, the rows of a table as far as they are there, or all. */
function methods(
  target: Target,
  given: Partial<Settings>,
  { methods = "adtr,adtr+", plusEpochs }: ReproduceOptions,
  resolve: Resolve,
): Entry[] {
  const known = new Map(
    allMethods.flatMap((method) => entriesOf(method, target, given, plusEpochs, resolve)),
  );
  const names = [...known.keys(), ...PAPER_TABLES.keys()];
  const asked = (categoryList(methods) ?? [...known.keys()]).flatMap((name) => {
    if (names.includes(name)) return PAPER_TABLES.get(name)?.filter((row) => known.has(row)) ?? [name];
    throw new UsageError(
      `Expected --methods to be some of ${names.join(", ")}, but found "${name}"${didYouMean(name, names)}`,
    );
  });
  const entries = new Map<string, Entry>(); // each behind what it begins with
  for (const name of asked) {
    const entry = known.get(name)!();
    if (entry.base !== undefined && !entries.has(entry.base)) {
      entries.set(entry.base, known.get(entry.base)!());
    }
    entries.set(name, entry);
  }
  return [...entries.values()];
}

/** A method and its variants, by name. Settings that only some methods have a use for go to those. */
function entriesOf(
  about: Method,
  target: Target,
  given: Partial<Settings>,
  plusEpochs: number | undefined,
  resolveAny: Resolve,
): [string, () => Entry][] {
  const { name: method, seeded: isSeeded, variants, input } = about;
  const theirs = Object.fromEntries(Object.entries(given).filter(([name]) => takes(about, name)));
  const resolve = (chosen: Partial<Settings>): Settings => {
    try {
      return resolveAny(chosen, input !== "pixels");
    } catch (error) {
      throw error instanceof SettingError ? error.of(method) : error;
    }
  };
  const itself = (): Entry => ({ name: method, settings: resolve({ ...theirs, method }), isSeeded });
  const others = Object.entries(variants?.(target === "cifar10" ? "cifar" : "folder") ?? {});
  return [
    [method, itself],
    ...others.map(([name, { settings, startsFrom, epochs }]): [string, () => Entry] => [name, () => {
      const { [epochs ?? ""]: _, ...rest } = theirs; // the epochs given are those of what it begins with
      const change = epochs && plusEpochs !== undefined ? { [epochs]: plusEpochs } : {};
      return {
        name,
        settings: resolve({ ...rest, ...settings, ...change, method }),
        base: startsFrom,
        isSeeded,
      };
    }]),
  ];
}

/** The paper's ablations, as far as they can be had with the backbone. */
function ablations(given: Partial<Settings>, resolve: Resolve): Entry[] {
  const settings = resolve(given), method = methodNamed(settings.method);
  const variants = method.ablations?.(settings, levelsOf(settings.backbone)) ?? {};
  return Object.entries(variants).map(([name, change]) => {
    const weights = change.backbone === undefined; // built in, then
    return { name, settings: resolve({ ...given, ...change }, weights), isSeeded: true };
  });
}

/** How many levels a network has; null where the backbone is built in. */
function levelsOf(backbone: string): number | null {
  const description = BACKBONES[backbone as BackboneName];
  return description.family === "built in"
    ? null
    : description.family === "resnet"
    ? description.blocks.length
    : description.family === "vgg"
    ? description.groups.length
    : description.taps.length;
}
