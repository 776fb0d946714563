/**
 * A model file made ready to score images: the backbone that its features came from, the transformer, and how maps
 * become scores, all as the file says unless options say otherwise.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { Detector, type ScoreOptions } from "../model/detector.ts";
import { readModel } from "../model/model_file.ts";
import { defaultCacheFolder } from "../data/feature_cache.ts";
import { openBackbone } from "../train/backbone.ts";
import type { FeatureSource } from "../train/features.ts";
import type { Settings } from "../train/settings.ts";
import { checkWeights } from "./config.ts";
import { checkSetting, type SettingName } from "./setting_rules.ts";

/** What it takes to score images. */
export interface OpenModel {
  source: FeatureSource;
  detector: Detector;
  scoring: ScoreOptions;
}

/** What a model file has to say of itself. */
const NEEDED = ["backbone", "image_size", "score", "image_score"] as const satisfies SettingName[];

/**
 * Opens a model file.
 *
 * @param weights the weight file of its backbone; none where that is built in
 * @param given scores that are to be computed another way than the file says
 * @throws {InputError} where a file can't be read, or the weights are not those that the model was trained on
 * @throws {UsageError} where weights are missing or too much
 */
export async function openModel(
  gpu: Gpu,
  path: string,
  weights: string | undefined,
  given: Partial<Settings>,
  onWarning: (message: string) => void,
): Promise<OpenModel> {
  const { state, info } = await readModel(path);
  const settings = { ...neededSettings(info, path), ...given };
  checkWeights(settings.backbone, weights);
  if (settings.score === "residual-mahalanobis" && state.covariance === null) {
    throw new InputError(
      `Expected residual_covariance in ${path} for --score ${settings.score}, but found none`,
    );
  }
  const { backbone } = await openBackbone(gpu, settings.backbone, weights);
  if (backbone.fingerprint !== info.features) {
    throw new InputError(
      `Expected ${weights ?? backbone.name} to be what ${path} was trained on, ${info.features},\n` +
        `but found ${backbone.fingerprint}`,
    );
  }
  return {
    source: {
      gpu,
      backbone,
      image_size: settings.image_size,
      feature_size: state.config.H,
      cacheFolder: defaultCacheFolder(),
      onWarning,
    },
    detector: new Detector(gpu, state),
    scoring: settings,
  };
}

/** The settings in a model file's metadata that scoring needs. */
function neededSettings(
  info: Record<string, unknown>,
  path: string,
): Pick<Settings, typeof NEEDED[number]> {
  const settings = NEEDED.map((name) => [name, checkSetting(name, info[name], `${name} in ${path}`)]);
  return Object.fromEntries(settings);
}
