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
import { UsageError } from "../errors.ts";
import { didYouMean } from "../nearest.ts";
import { METHOD_NAMES, type MethodName } from "../methods/method.ts";
import { isBuiltIn } from "../train/backbone.ts";
import type { Settings } from "../train/settings.ts";
import { resolveSettings } from "./config.ts";
import { categoryList } from "./options.ts";
import { demoFolder } from "./demo_data.ts";

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
export interface ReproducePlan {
  target: Target;
  preset: string;
  data: string;
  /** Whether the data are procedural, made where they are missing. */
  isDemo: boolean;
  weights?: string;
  /** Irrelevant images, for ADTR+ with labelled images. */
  outliers?: string;
  out: string;
  entries: Entry[];
  categories: string[];
  seeds: number[];
}

/** The command's options that are no settings. */
export interface ReproduceOptions {
  data?: string;
  category: string;
  weights?: string;
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
  const { weights, outliers, preset = isDemo ? "demo" : "paper" } = options;
  if (target === "demo" && options.data !== undefined) {
    throw new UsageError(`Expected no --data for the demo, which makes its own, but found ${options.data}`);
  }
  refuseUseless(target, options);
  const resolve = (chosen: Partial<Settings>, withWeights = true): Settings =>
    resolveSettings([chosen], preset, withWeights ? weights : undefined, options.data);
  const settings = resolve(given);
  const data = dataOf(target, options.data, settings);
  const entries = target === "ablations"
    ? ablations(given, resolve)
    : methods(target, given, options, resolve);
  if (
    target === "cifar10" && outliers === undefined && entries.some(({ settings }) => settings.loss === "img")
  ) {
    throw new UsageError(
      "Expected --outliers ROOT for adtr+ on CIFAR-10, cifar100:PATH in the paper, but found none.\n" +
        "--methods adtr leaves adtr+ out.",
    );
  }
  return {
    target,
    preset,
    data,
    isDemo,
    weights,
    outliers,
    out: options.out ?? join("runs", `reproduce-${target}`),
    entries,
    categories: await categoriesOf(options.category, data, isDemo),
    seeds: Array.from({ length: options.seeds }, (_, i) => settings.seed + i),
  };
}

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

/** ADTR+ learns from labelled images on CIFAR-10, elsewhere from labelled pixels (docs/method.md §5). */
function methods(
  target: Target,
  given: Partial<Settings>,
  { methods = "adtr,adtr+", plusEpochs }: ReproduceOptions,
  resolve: Resolve,
): Entry[] {
  const { epochs: _, ...others } = given; // those of ADTR
  const plus: Partial<Settings> = { loss: target === "cifar10" ? "img" : "px", base_epochs: 0 };
  if (plusEpochs !== undefined) plus.epochs = plusEpochs;
  const known: Record<string, () => Entry> = {
    "adtr": () => ({ name: "adtr", settings: resolve(given), isSeeded: true }),
    "adtr+": () => ({
      name: "adtr+",
      settings: resolve({ ...others, ...plus }),
      base: "adtr",
      isSeeded: true,
    }),
  };
  for (const method of METHOD_NAMES) {
    const isSeeded = SEEDED.includes(method);
    known[method] = () => ({ name: method, settings: resolve({ ...given, method }), isSeeded });
  }
  const asked = categoryList(methods) ?? Object.keys(known);
  const names = asked.includes("adtr+") ? [...new Set(["adtr", ...asked])] : asked; // where adtr+ begins
  for (const name of names) {
    if (Object.hasOwn(known, name)) continue;
    throw new UsageError(
      `Expected --methods to be some of ${Object.keys(known).join(", ")}, but found "${name}"`,
    );
  }
  return names.map((name) => known[name]());
}

/** Methods that draw random numbers. */
const SEEDED: readonly MethodName[] = ["patchcore", "padim"];

/** The paper's ablations, as far as they can be had with the backbone. */
function ablations(given: Partial<Settings>, resolve: Resolve): Entry[] {
  const { backbone, feature_size } = resolve(given), last = lastLevel(backbone);
  const variants: Record<string, Partial<Settings>> = {
    "full": {},
    "no-query": { architecture: "no-query" },
    "no-attention": { architecture: "no-attention" },
    "conv": { architecture: "conv" },
    ...(last === undefined ? {} : { "last-layer": { levels: last } }),
    "pixels": { backbone: "pixels", feature_norm: "none", levels: "all" },
    ...(feature_size === 32 ? { "16x16": { feature_size: 16 } } : { "32x32": { feature_size: 32 } }),
  };
  return Object.entries(variants).map(([name, change]) => {
    const weights = change.backbone === undefined; // `pixels` has none
    return { name, settings: resolve({ ...given, ...change }, weights), isSeeded: true };
  });
}

/** The deepest level of a network; undefined where the backbone is built in. */
function lastLevel(backbone: Settings["backbone"]): string | undefined {
  if (isBuiltIn(backbone)) return undefined;
  return backbone.includes("resnet") ? "4" : "5";
}
