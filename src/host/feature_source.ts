/**
 * What makes features of image files, from a weight file's path.
 *
 * @module
 */
import { type FrameSettings, framingOf } from "../data/frame.ts";
import type { WeightFileOptions } from "../formats/weight_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Settings } from "../methods/settings.ts";
import type { FeatureSource, FeatureStore } from "../score/features.ts";
import { backboneFor, type BackboneSettings } from "../score/open_model.ts";
import { files } from "./image_files.ts";
import { readWeightFile } from "./tensor_files.ts";

/** Settings that decide about features. */
export type SourceSettings = BackboneSettings & Pick<Settings, "feature_length"> & FrameSettings;

/** A source, and what it is made of. */
export interface OpenedSource extends Disposable {
  readonly source: FeatureSource;
  /** Identifies the features. */
  readonly features: string;
  /** Of the weight file, 64 hexadecimal digits; null without one. */
  readonly weightsSha256: string | null;
}

/**
 * Opens what settings ask for: a backbone, or nothing where the method takes pixels.
 *
 * @param weights the weight file's path; undefined where the backbone needs none
 * @throws {InputError} where the file can't be read or does not hold that network, or is missing or too much
 */
export async function openSource(
  gpu: Gpu,
  settings: SourceSettings,
  weights: string | undefined,
  { cache, onWarning, ...which }: WeightFileOptions & {
    cache: FeatureStore | null;
    onWarning?: (message: string) => void;
  },
): Promise<OpenedSource> {
  const { image_size, feature_size, feature_length } = settings;
  const file = weights === undefined ? null : await readWeightFile(weights, which);
  const backbone = await backboneFor(gpu, settings, file);
  return {
    source: {
      gpu,
      backbone,
      image_size,
      framing: framingOf(settings),
      feature_size,
      feature_length,
      images: files,
      cache,
      onWarning,
    },
    features: backbone?.fingerprint ?? "pixels",
    weightsSha256: file?.sha256 ?? null,
    [Symbol.dispose]: () => backbone?.[Symbol.dispose](),
  };
}
