/**
 * A model file made ready to score images: the backbone that its features come from, the transformer, and how maps
 * become scores, as the file says unless told otherwise.
 *
 * @module
 */
import { decodeImage } from "../data/image.ts";
import { resizeBilinear } from "../data/resize.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { Detector, POOL, type ScoreOptions } from "../model/detector.ts";
import { readModel } from "../model/model_file.ts";
import { openBackbone } from "./backbone.ts";
import type { FeatureSource } from "./features.ts";
import { BACKBONES, type Settings } from "./settings.ts";

/** How to open a model. */
export interface OpenModelOptions extends Partial<Pick<ScoreOptions, "score" | "image_score">> {
  /** The weight file of its backbone; none where that is built in. */
  weights?: string;
  /** Where features are kept between runs; nowhere by default. */
  cacheFolder?: string | null;
  /** Told once in a sentence when the cache can't be used. */
  onWarning?: (message: string) => void;
}

/** One image's result. */
export interface ImageScore {
  /** [S, S], row-major; larger is more anomalous. */
  map: Float32Array<ArrayBuffer>;
  /** Side of the map, pixels. */
  size: number;
  /** Of the whole image; larger is more anomalous. Raw: what is too large depends on the model. */
  score: number;
}

/** What it takes to score images. */
export class ScoringModel {
  /** What makes features of images, as in training. */
  readonly source: FeatureSource;
  /** What makes maps of features. */
  readonly detector: Detector;
  /** How maps and scores are made. */
  readonly scoring: ScoreOptions;

  /** For a model just trained; {@linkcode openModel} makes one of a file. */
  constructor(source: FeatureSource, detector: Detector, scoring: ScoreOptions) {
    this.source = source;
    this.detector = detector;
    this.scoring = scoring;
  }

  /**
   * Scores one image.
   *
   * @param bytes a PNG, JPEG, BMP or TIFF file
   * @param name what errors call it
   * @throws {InputError} where it is no such image
   */
  async score(bytes: Uint8Array, name = "the image"): Promise<ImageScore> {
    const { gpu, backbone, image_size: S, feature_size: H } = this.source;
    const pixels = resizeBilinear(await decodeImage(bytes, name), S);
    const features = backbone.features(pixels, 1, S, H, H);
    const { maps, scores } = await this.detector.score(features, this.scoring);
    gpu.release(features);
    return { map: maps, size: S, score: scores[0] };
  }
}

/**
 * Opens a model file.
 *
 * @throws {InputError} where a file can't be read, or the weights are missing, too much or not those that the model was
 *   trained on
 */
export async function openModel(
  gpu: Gpu,
  path: string,
  options: OpenModelOptions = {},
): Promise<ScoringModel> {
  const { weights, cacheFolder = null, onWarning, score, image_score } = options;
  const { state, info } = await readModel(path);
  const settings = settingsOf(info, path);
  const scoring: ScoreOptions = {
    image_size: settings.image_size,
    score: score ?? settings.score,
    image_score: image_score ?? settings.image_score,
  };
  if (scoring.score === "residual-mahalanobis" && state.covariance === null) {
    throw new InputError(
      `Expected residual_covariance in ${path} for the score ${scoring.score}, but found none`,
    );
  }
  if (scoring.image_score === "max" && scoring.image_size < POOL) {
    throw new InputError(
      `Expected maps of at least ${POOL}×${POOL} pixels for the image score max, but found ${path} to make maps of ` +
        `${scoring.image_size}×${scoring.image_size}`,
    );
  }
  const { image_size } = settings, feature_size = state.config.H;
  const { backbone } = await openBackbone(gpu, settings.backbone, weights, { image_size, feature_size });
  if (backbone.fingerprint !== info.features) {
    throw new InputError(
      `Expected ${weights ?? backbone.name} to be what ${path} was trained on, ${info.features},\n` +
        `but found ${backbone.fingerprint}`,
    );
  }
  if (state.config.C !== backbone.channels) {
    throw new InputError(
      `Expected a model of ${backbone.name}'s ${backbone.channels} channels in ${path}, ` +
        `but found one of ${state.config.C}`,
    );
  }
  const source = { gpu, backbone, image_size, feature_size, cacheFolder, onWarning };
  return new ScoringModel(source, new Detector(gpu, state), scoring);
}

/** The settings in a model file that scoring needs. */
function settingsOf(
  info: Record<string, unknown>,
  path: string,
): Pick<Settings, "backbone" | "image_size" | "score" | "image_score"> {
  const { backbone, image_size, score, image_score } = info;
  const known = {
    backbone: (BACKBONES as readonly unknown[]).includes(backbone),
    image_size: Number.isInteger(image_size) && (image_size as number) >= 8 && (image_size as number) <= 4096,
    score: score === "residual" || score === "residual-mahalanobis",
    image_score: image_score === "max" || image_score === "mean",
  };
  for (const [name, fits] of Object.entries(known)) {
    if (!fits) {
      throw new InputError(
        `Expected a valid ${name} in the metadata of ${path}, but found ${
          JSON.stringify(info[name]) ?? "none"
        }`,
      );
    }
  }
  return { backbone, image_size, score, image_score } as ReturnType<typeof settingsOf>;
}
