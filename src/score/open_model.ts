/**
 * A model file made ready to score images: the backbone that its features come from, the transformer or another method,
 * and how maps become scores, as the file says unless told otherwise.
 *
 * @module
 */
import { decodeImage } from "../data/image.ts";
import { resizeBilinear } from "../data/resize.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { METHOD_FORMAT, methodSettingsIn, openMethod } from "../methods/model_file.ts";
import { Detector, POOL, type ScoreOptions } from "../methods/adtr/detector.ts";
import { modelIn, parseMetadata } from "../model/model_file.ts";
import { readSafetensors } from "../host/tensor_files.ts";
import { files } from "../host/image_files.ts";
import type { TensorFile } from "../formats/tensor_file.ts";
import { openBackbone } from "../train/backbone.ts";
import type { FeatureSizes } from "../model/batches.ts";
import { type FeatureSource, type FeatureStore, pixelFeatures } from "./features.ts";
import { scoreFeatures } from "./score.ts";
import { methodScorer, type Scorer } from "../train/scorer.ts";
import { BACKBONES, type Settings } from "../train/settings.ts";

/** How to open a model. */
export interface OpenModelOptions extends Partial<Pick<ScoreOptions, "score" | "image_score">> {
  /** The weight file of its backbone; none where that is built in. */
  weights?: string;
  /** Where features are kept between runs; nowhere by default. */
  cache?: FeatureStore | null;
}

/** One image's result. */
export interface ImageScore {
  /** [S, S], row-major; larger is more anomalous. From a method that looks at whole images only, the score everywhere. */
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
  readonly scorer: Scorer;
  /** How maps and scores are made. */
  readonly scoring: ScoreOptions;

  /** For a model just trained; {@linkcode openModel} makes one of a file. */
  constructor(source: FeatureSource, scorer: Scorer, scoring: ScoreOptions) {
    this.source = source;
    this.scorer = scorer;
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
    const { image_size: S } = this.source, { scorer } = this;
    const pixels = resizeBilinear(await decodeImage(bytes, name), S);
    const [features] = await pixelFeatures({ ...this.source, pooled: scorer.pooled }, [pixels], false);
    const { maps, scores } = await scoreFeatures(this.source, scorer, this.scoring, [features]);
    return { map: maps ?? new Float32Array(S * S).fill(scores[0]), size: S, score: scores[0] };
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
  const { weights, cache = null, score, image_score } = options;
  const file = await readSafetensors(path);
  const { info, sizes, hasCovariance, open } = file.metadata.format === METHOD_FORMAT
    ? methodIn(file)
    : adtrIn(file);
  const settings = settingsOf(info, path);
  const scoring: ScoreOptions = {
    image_size: settings.image_size,
    score: score ?? settings.score,
    image_score: image_score ?? settings.image_score,
  };
  if (scoring.score === "residual-mahalanobis" && !hasCovariance) {
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
  const { image_size, backbone: name, levels } = settings, feature_size = sizes.H;
  const { backbone } = await openBackbone(gpu, name, weights, { levels, image_size, feature_size });
  if (backbone.fingerprint !== info.features) {
    throw new InputError(
      `Expected ${weights ?? backbone.name} to be what ${path} was trained on, ${info.features},\n` +
        `but found ${backbone.fingerprint}`,
    );
  }
  if (sizes.C !== backbone.channels) {
    throw new InputError(
      `Expected a model of ${backbone.name}'s ${backbone.channels} channels in ${path}, ` +
        `but found one of ${sizes.C}`,
    );
  }
  const source = { gpu, backbone, image_size, feature_size, images: files, cache };
  return new ScoringModel(source, await open(gpu), scoring);
}

/** What a model file holds, whatever its method. */
interface Contents {
  info: Record<string, unknown>;
  sizes: FeatureSizes;
  /** Whether it can score by a Mahalanobis distance of residuals. */
  hasCovariance: boolean;
  open: (gpu: Gpu) => Promise<Scorer>;
}

function adtrIn(file: TensorFile): Contents {
  const { state, info } = modelIn(file);
  const open = (gpu: Gpu): Promise<Scorer> => Promise.resolve(new Detector(gpu, state));
  return { info, sizes: state.config, hasCovariance: state.covariance !== null, open };
}

function methodIn(file: TensorFile): Contents {
  const info = parseMetadata(file.path, file.metadata.config), sizes = methodSettingsIn(file);
  const open = async (gpu: Gpu): Promise<Scorer> => methodScorer(await openMethod(gpu, file));
  return { info, sizes, hasCovariance: false, open };
}

/** The settings in a model file that scoring needs. */
function settingsOf(
  info: Record<string, unknown>,
  path: string,
): Pick<Settings, "backbone" | "image_size" | "score" | "image_score" | "levels"> {
  const { backbone, image_size, score, image_score, levels = "all" } = info;
  const known = {
    backbone: (BACKBONES as readonly unknown[]).includes(backbone),
    image_size: Number.isInteger(image_size) && (image_size as number) >= 8 && (image_size as number) <= 4096,
    score: score === "residual" || score === "residual-mahalanobis",
    image_score: image_score === "max" || image_score === "mean",
    levels: typeof levels === "string",
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
  return { backbone, image_size, score, image_score, levels } as ReturnType<typeof settingsOf>;
}
