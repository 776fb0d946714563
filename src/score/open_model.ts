/**
 * A model file made ready to score images: the backbone that its features come from, what its method has learned, and how
 * maps become scores, as the file says unless told otherwise.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { WeightFile } from "../formats/weight_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { framingOf } from "../data/frame.ts";
import type { Images } from "../data/images.ts";
import { UNDECIDED } from "../methods/decision.ts";
import { type ModelFile, openFitted, parseModel, projectionOf } from "../methods/model_file.ts";
import type { Projection } from "../methods/projection.ts";
import { checkSettings, checkTogether, rulesOf, WHOLE_IMAGES } from "../methods/resolve.ts";
import { pooledLevels } from "../methods/pooled.ts";
import { methodNamed } from "../methods/registry.ts";
import type { PooledSettings, Rule, Settings, Value } from "../methods/settings.ts";
import type { Backbone } from "../model/backbone.ts";
import type { BackboneName } from "../model/backbones.ts";
import type { FeatureSizes } from "../model/batches.ts";
import { type BackboneOptions, openBackbone } from "../model/open_backbone.ts";
import { type FeatureSource, type FeatureStore, sizesOf } from "./features.ts";
import { Model } from "./model.ts";

/** How to open a model. */
export interface OpenModelOptions {
  /** The weight file of its backbone; none where that is built in. */
  weights?: WeightFile;
  /**
   * Settings that change how maps and scores are made, such as `image_score`; those in the file by default. With others, the
   * file's thresholds don't hold: the model has none.
   */
  settings?: Readonly<Record<string, Value>>;
  /** Where images are that it is to score by name; `Model.score` needs none. */
  images?: Images;
  /** Where features are kept between runs; nowhere by default. */
  cache?: FeatureStore | null;
}

const NO_IMAGES: Images = {
  open: (name) =>
    Promise.reject(new InputError(`Expected images by name, but found nowhere to look for ${name}`)),
  mask: (name) =>
    Promise.reject(new InputError(`Expected masks by name, but found nowhere to look for ${name}`)),
};

/**
 * Opens a model file's bytes.
 *
 * @param path what errors call the file
 * @throws {InputError} where it is damaged or no model, or the weights are missing, too much or not those that the model
 *   was trained on
 */
export async function openModelBytes(
  gpu: Gpu,
  bytes: Uint8Array<ArrayBuffer>,
  options: OpenModelOptions = {},
  path = "the model",
): Promise<Model> {
  return await openModelFile(gpu, parseModel(bytes, path), options);
}

async function openModelFile(gpu: Gpu, file: ModelFile, options: OpenModelOptions): Promise<Model> {
  const { weights, images = NO_IMAGES, cache = null } = options, { method, info, path } = file;
  const settings = settingsOf(file, options.settings);
  const { image_size, feature_size, feature_length } = settings;
  using stack = new DisposableStack();
  let source: FeatureSource = {
    gpu,
    backbone: null,
    image_size,
    framing: framingOf(settings),
    feature_size,
    feature_length,
    images,
    cache,
  };
  const backbone = stack.use(await backboneFor(gpu, settings, weights ?? null));
  if (backbone) {
    source = { ...source, backbone, projection: projectionFor(file, settings, backbone, weights) };
  }
  const made = sizesOf(source), of = source.backbone?.name ?? "pixels";
  checkSizes(file, { ...made, S: image_size }, of);
  const fitted = stack.use(await openFitted(gpu, file));
  if (fitted.P !== undefined && fitted.P !== made.P) {
    throw new InputError(
      `Expected a model of ${of}'s ${made.P} features of whole images in ${path}, but found one of ${fitted.P}`,
    );
  }
  const { heldOut } = file,
    rescored = Object.keys(options.settings ?? {}).some((name) => settings[name] !== info[name]);
  const decision = rescored ? UNDECIDED : file.decision; // found on other scores
  const model = new Model(
    { source, method, fitted, settings, info, decision, heldOut: rescored ? null : heldOut },
    source.backbone,
  );
  stack.move(); // the model's from here on
  return model;
}

/** Settings that decide about a backbone's features. */
export type BackboneSettings =
  & Pick<Settings, "method" | "backbone" | "levels" | "precision" | "image_size" | "feature_size">
  & Partial<PooledSettings>;

/**
 * The backbone that settings ask for; null where their method looks at pixels.
 *
 * @throws {InputError} as `openBackbone` does, and for a weight file that nothing takes
 */
export async function backboneFor(
  gpu: Gpu,
  settings: BackboneSettings,
  weights: WeightFile | null,
): Promise<Backbone | null> {
  const { method, backbone } = settings;
  if (methodNamed(method).input !== "pixels") {
    return await openBackbone(gpu, backbone as BackboneName, weights, backboneOptions(settings));
  }
  if (weights) {
    throw new InputError(
      `Expected no weight file for ${method}, which looks at pixels, but found ${weights.path}`,
    );
  }
  return null;
}

/** What else decides the features of a model's backbone. */
export function backboneOptions(
  settings: BackboneSettings,
): Required<Pick<BackboneOptions, "levels" | "precision" | "image_size" | "feature_size">> & BackboneOptions {
  const { levels, precision, image_size, feature_size } = settings;
  return { levels, pooledLevels: pooledLevels(settings), precision, image_size, feature_size };
}

/**
 * What a model brings the features of a backbone down to; null for nothing.
 *
 * @throws {InputError} where it was trained on another backbone's features, or its settings want other components
 */
export function projectionFor(
  file: ModelFile,
  { components }: Settings,
  backbone: Pick<Backbone, "name" | "fingerprint" | "channels">,
  weights: WeightFile | undefined,
): Projection | null {
  const { info, path } = file;
  if (backbone.fingerprint !== info.features) {
    throw new InputError(
      `Expected ${weights?.path ?? backbone.name} to be what ${path} was trained on, ${info.features},\n` +
        `but found ${backbone.fingerprint}`,
    );
  }
  const projection = projectionOf(file);
  const found = projection ? projection.matrix.length / projection.mean.length : 0;
  if (found !== components) {
    throw new InputError(
      `Expected ${components} components, as its settings say, in ${path}, but found ${found}`,
    );
  }
  const channels = projection?.mean.length;
  if (channels !== undefined && channels !== backbone.channels) {
    throw new InputError(
      `Expected components of ${backbone.name}'s ${backbone.channels} channels in ${path}, ` +
        `but found those of ${channels}`,
    );
  }
  return projection;
}

/** @throws {InputError} where a model's sizes are not those of the features that it gets, of what is called `of` */
export function checkSizes(
  { sizes, path }: ModelFile,
  made: FeatureSizes & { readonly S: number },
  of: string,
): void {
  if (sizes.C !== made.C) {
    throw new InputError(
      `Expected a model of ${of}'s ${made.C} channels in ${path}, but found one of ${sizes.C}`,
    );
  }
  if (sizes.H !== made.H || sizes.W !== made.W) {
    throw new InputError(
      `Expected a model of ${made.H}×${made.W} positions, as its settings say, in ${path}, ` +
        `but found one of ${sizes.H}×${sizes.W}`,
    );
  }
  if (sizes.S !== undefined && sizes.S !== made.S) {
    throw new InputError(
      `Expected a model of images of ${made.S}×${made.S} pixels, as its settings say, in ${path}, ` +
        `but found one of ${sizes.S}×${sizes.S}`,
    );
  }
}

/** What stands for settings in files that were written before there were any. */
const WITHOUT: Readonly<Record<string, Value>> = {
  threshold: "none",
  pixel_threshold: "none",
  folds: 0,
  precision: "f32",
  ...WHOLE_IMAGES,
};

/**
 * The settings of a model's training, and what of them is changed.
 *
 * @throws {InputError} where that can't be: what is wrong in the file says so, naming it
 */
export function settingsOf(
  { method, info, path }: ModelFile,
  change: Readonly<Record<string, Value>> = {},
): Settings {
  const rules = rulesOf(method.name) as Readonly<Record<string, Rule>>;
  const fixed = Object.keys(change).find((name) => Object.hasOwn(rules, name) && !rules[name].scoring);
  if (fixed !== undefined) {
    throw new InputError(
      `Expected settings that ${path} can be opened with, but found ${fixed}, which was trained with`,
    );
  }
  checkSettings(method.name, change);
  const known = Object.fromEntries(
    Object.keys(rules).map((name) => [name, info[name] ?? WITHOUT[name]]),
  );
  const missing = Object.keys(known).find((name) => known[name] === undefined);
  try {
    if (missing !== undefined) throw new InputError(`Expected a setting ${missing}, but found none`);
    checkSettings(method.name, known);
    checkTogether(known as Settings);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`In the metadata of ${path}: ${error.message}`);
  }
  const settings = { ...known, ...change } as Settings;
  if (Object.keys(change).length > 0) {
    checkTogether(settings);
    method.check?.(settings);
  }
  return settings;
}
