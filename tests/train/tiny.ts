/**
 * A category and settings so small that a training takes a second.
 *
 * @module
 */
import { join } from "node:path";
import { openCategory } from "../../src/host/dataset.ts";
import { files } from "../../src/host/image_files.ts";
import type { Category } from "../../src/data/category.ts";
import { makeDataset } from "../../src/host/make_dataset.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Backbone } from "../../src/model/backbone.ts";
import { gaborBackbone } from "../../src/model/gabor.ts";
import type { FeatureSource } from "../../src/score/features.ts";
import type { AdtrSettings } from "../../src/methods/adtr/settings.ts";
import type { Method } from "../../src/methods/method.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { resolveSettings } from "../../src/methods/resolve.ts";
import type { PresetName, Settings, Value } from "../../src/methods/settings.ts";

/** A method's settings for the images of `tinyCategory`: those of a preset but for the sizes, and no images held out. */
export function tinySettings<S extends object = Record<string, Value>>(
  given: Partial<Settings<S>>,
  preset: PresetName = "paper",
): Settings<S> {
  const all = { backbone: "gabor", image_size: 32, feature_size: 4, folds: 0, ...given } as Partial<Settings>;
  return resolveSettings(all, { preset, data: "folder", weights: false }) as Settings<S>;
}

/** With the 7 images of `tinyCategory`, 3 steps an epoch. */
export const TINY: Settings<AdtrSettings> = tinySettings<AdtrSettings>({
  epochs: 4,
  batch_size: 3,
  lr: 2e-3,
  lr_step: 3,
  hidden: 16,
  heads: 2,
  ffn: 16,
  layers: 1,
});

/** Takes a few seconds, so that there is something to kill. */
export const LONG: Settings<AdtrSettings> = { ...TINY, epochs: 60, base_epochs: 60, lr_step: 40 };

/** Makes 7 normal images to train on, 2 to test and 1 of each defect, in `folder`/data. */
export async function tinyCategory(folder: string, seed = 0): Promise<Category> {
  const root = join(folder, "data");
  await makeDataset(root, { categories: ["grid"], size: 32, train: 7, testGood: 2, testPerDefect: 1, seed });
  return await openCategory(root, "grid");
}

/** Settings with which a method that is trained by steps makes few of them; trainings that come before take one epoch each. */
export function fewSteps({ settings }: Method, few: Record<string, Value>): Record<string, Value> {
  const before = Object.keys(settings).filter((name) => name.endsWith("_epochs"));
  return Object.hasOwn(settings, "epochs")
    ? { ...few, ...Object.fromEntries(before.map((name) => [name, 1])) }
    : {};
}

/** A method's settings with which it learns from the images of `tinyCategory` within a second, the demo's but for the sizes. */
export function tinyMethod(method: string, given: Record<string, Value> = {}): Settings {
  const few = fewSteps(methodNamed(method), { epochs: 1, batch_size: 3 });
  return tinySettings<Record<string, Value>>({ method, ...few, ...given }, "demo");
}

/** What a method looks at, with the sizes of `TINY` and without a cache. */
export function tinySourceFor(method: string, on: Gpu): FeatureSource {
  const source = tinySource(on);
  return methodNamed(method).input === "pixels" ? { ...source, backbone: null } : source;
}

/** Features for `TINY`, without a cache. */
export function tinySource(gpu: Gpu): FeatureSource & { backbone: Backbone } {
  const { image_size, feature_size } = TINY;
  return { gpu, backbone: gaborBackbone("gabor"), image_size, feature_size, images: files, cache: null };
}
