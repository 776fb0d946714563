/**
 * Frozen features of image files: from the cache where they are known, else through the backbone.
 *
 * @module
 */
import { FeatureCache } from "../data/feature_cache.ts";
import { loadImages } from "../data/load.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Backbone } from "../model/backbone.ts";

/** What makes features of images. */
export interface FeatureSource {
  /** The device that the backbone was opened on. */
  gpu: Gpu;
  /** The frozen network. */
  backbone: Backbone;
  /** S */
  image_size: number;
  /** H = W */
  feature_size: number;
  /** Where features are kept between runs; null for nowhere. */
  cacheFolder: string | null;
  /** Told in a sentence what does not end the work: a cache that can't be used (once), a resume without a checkpoint. */
  onWarning?: (message: string) => void;
}

/** Images decoded and sent through the backbone together. */
const BATCH = 16;

/**
 * Features of image files, in the order of `paths`.
 *
 * @param onImage called with the number of images done, first with 0
 * @param signal ends the work early, with an AbortError
 * @returns [N, C] of each
 * @throws {InputError} where a file can't be read or is no image, naming it
 */
export async function extractFeatures(
  source: FeatureSource,
  paths: readonly string[],
  onImage: (done: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Float32Array<ArrayBuffer>[]> {
  const { gpu, backbone, image_size: S, feature_size: H, cacheFolder, onWarning } = source;
  const size = H * H * backbone.channels;
  const cache = new FeatureCache({
    folder: cacheFolder,
    backbone: backbone.fingerprint,
    imageSize: S,
    shape: [H * H, backbone.channels],
    onWarning,
  });
  const features: Float32Array<ArrayBuffer>[] = new Array(paths.length);
  const skip = async (hash: string, index: number): Promise<boolean> => {
    const known = await cache.get(hash);
    if (known) features[index] = known;
    return known !== null;
  };
  let done = 0;
  onImage(done);
  const onOne = (count: number) => {
    signal?.throwIfAborted();
    if (features[count - 1]) onImage(++done);
  };
  for await (
    const { indices, hashes, data } of loadImages(paths, S, { batch: BATCH, skip, onImage: onOne })
  ) {
    const tensor = backbone.features(data, indices.length, S, H, H);
    const values = await gpu.read(tensor);
    gpu.release(tensor);
    for (const [i, index] of indices.entries()) {
      features[index] = values.slice(i * size, (i + 1) * size);
      await cache.put(hashes[i], features[index]);
      onImage(++done);
    }
  }
  return features;
}
