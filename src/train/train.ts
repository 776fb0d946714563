/**
 * A model from images in one call: what is not given takes the defaults of the command line.
 *
 * @module
 */
import type { AnomalousImage, Category } from "../data/category.ts";
import { framingOf } from "../data/frame.ts";
import { type Images, imagesInMemory } from "../data/images.ts";
import type { Image, Mask } from "../data/image.ts";
import type { WeightFile } from "../formats/weight_file.ts";
import { InputError, UsageError } from "../errors.ts";
import { didYouMean } from "../nearest.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { presetNamed, resolveSettings } from "../methods/resolve.ts";
import type { PresetName, Settings } from "../methods/settings.ts";
import type { Backbone } from "../model/backbone.ts";
import type { OnProgress } from "../progress.ts";
import type { FeatureStore } from "../score/features.ts";
import { evaluateCategory, evidenceOf } from "../score/evaluate.ts";
import { Model } from "../score/model.ts";
import { backboneFor } from "../score/open_model.ts";
import { askForLabels, decisionBy } from "../score/threshold.ts";
import type { Journal } from "./journal.ts";
import { learn } from "./learn.ts";

/** Images to learn from. */
export interface TrainData {
  /** Where they are. */
  images: Images;
  /** Their names there. */
  category: Category;
  /** Names of irrelevant images, for methods that learn from them. */
  outliers?: readonly string[];
}

/** What to train, and how. */
export interface TrainOptions {
  /** Normal images, files' bytes or pixels; or images by name, with labels where there are some. */
  data: readonly (Uint8Array | Image)[] | TrainData;
  /** The method's name; `adtr` by default. */
  method?: string;
  /** The backbone's weight file; none for those that are built in or bundled. */
  weights?: WeightFile;
  /** What settings are by default; `small` where none is named. */
  preset?: PresetName;
  /** What is to be otherwise than the preset has it. */
  settings?: Partial<Settings>;
  /** Where features are kept between runs; nowhere by default. */
  cache?: FeatureStore | null;
  /** What is left behind to go on from; nothing by default. */
  journal?: Journal;
  /** Stops the training. */
  signal?: AbortSignal;
  /** Told how it gets on. */
  onProgress?: OnProgress;
  /** Told in a sentence what does not end the work. */
  onWarning?: (message: string) => void;
}

/**
 * Trains a model, which is the caller's to dispose of.
 *
 * @throws {InputError} where an image can't be read, or there is nothing to learn from them
 * @throws {UsageError} for an option that there is not
 * @throws {SettingError} where settings are wrong, don't fit together or ask for more memory than there is
 * @throws the signal's reason where that is aborted
 */
export async function train(gpu: Gpu, options: TrainOptions): Promise<Model> {
  checkOptions(options);
  const { weights, cache = null, signal, journal, onProgress, onWarning } = options;
  const { images, category, outliers } = dataOf(options.data);
  const preset = presetNamed(options.preset ?? "small");
  const given = { ...options.settings, ...(options.method === undefined ? {} : { method: options.method }) };
  const settings = resolveSettings(given, { preset, data: "folder", weights: weights !== undefined });
  const { image_size, feature_size, feature_length } = settings;
  const byLabels = askForLabels(settings, category);
  let backbone: Backbone | null = null;
  try {
    backbone = await backboneFor(gpu, settings, weights ?? null);
    const framing = framingOf(settings);
    const sizes = { image_size, framing, feature_size, feature_length };
    const source = { gpu, backbone, ...sizes, images, cache, onWarning };
    const model = await learn({ source, category, outliers, settings, journal, signal, onProgress });
    if (model === null) throw signal!.reason;
    if (byLabels) {
      const evaluation = await evaluateCategory(model, category, { onProgress, signal });
      model.decision = decisionBy(settings, { heldOut: model.heldOut, ...evidenceOf(evaluation) });
    }
    return new Model(model, backbone);
  } catch (error) {
    backbone?.[Symbol.dispose]();
    throw error;
  }
}

const OPTIONS: Record<keyof TrainOptions, true> = {
  data: true,
  method: true,
  weights: true,
  preset: true,
  settings: true,
  cache: true,
  journal: true,
  signal: true,
  onProgress: true,
  onWarning: true,
};

/** Callers in JavaScript may have given anything. */
function checkOptions(options: TrainOptions): void {
  const { data } = options ?? {};
  const isData = Array.isArray(data)
    ? data.length > 0
    : typeof data === "object" && data !== null && "images" in data;
  if (!isData) {
    throw new InputError(
      "Expected data to be an array of images, at least one, or { images, category }, but found " +
        (Array.isArray(data) ? "an empty one" : data === null ? "null" : typeof data),
    );
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(OPTIONS, name)) continue;
    const hint = didYouMean(name, Object.keys(OPTIONS));
    throw new UsageError(
      `Expected the options ${Object.keys(OPTIONS).join(", ")} of train, but found ${name}${
        hint || "; settings go into settings"
      }`,
    );
  }
}

function dataOf(data: TrainOptions["data"]): TrainData {
  if (!Array.isArray(data)) return data as TrainData;
  return memoryData({ normal: data });
}

/** Images in memory. */
export interface MemoryImages {
  /** Files' bytes, or pixels. */
  normal: readonly (Uint8Array | Image)[];
  /** With masks of what is anomalous, 1 there; null where nobody says where. */
  anomalous?: readonly { image: Uint8Array | Image; mask: Uint8Array | Mask | null }[];
  /** Labelled images to evaluate a model with. */
  test?: readonly { image: Uint8Array | Image; label: 0 | 1; mask?: Uint8Array | Mask | null }[];
}

/** Images in memory as data to train on and to evaluate with. They are called `normal 0`, `anomalous 0`, `test 0` and so on. */
export function memoryData({ normal, anomalous = [], test = [] }: MemoryImages): TrainData {
  const images: Record<string, Uint8Array | Image> = {}, masks: Record<string, Uint8Array | Mask> = {};
  const add = (
    kind: string,
    i: number,
    image: Uint8Array | Image,
    mask?: Uint8Array | Mask | null,
  ): AnomalousImage => {
    const path = `${kind} ${i}`;
    images[path] = image;
    if (mask) masks[path] = mask;
    return { path, mask: mask ? path : null };
  };
  const category: Category = {
    name: "images",
    train: normal.map((image, i) => add("normal", i, image).path),
    anomalous: anomalous.map(({ image, mask }, i) => add("anomalous", i, image, mask)),
    test: test.map(({ image, label, mask }, i) => ({
      ...add("test", i, image, mask),
      label,
      defect: label === 0 ? "good" : "defect",
    })),
  };
  return { images: imagesInMemory(images, masks), category };
}
