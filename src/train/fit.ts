/**
 * Fits a method beside ADTR to the normal images of one category: features through the frozen backbone, then what the
 * method makes of them, as a model file.
 *
 * @module
 */
import { join } from "node:path";
import { methodSettings } from "../methods/method.ts";
import { writeMethod } from "../methods/model_file.ts";
import { methods } from "../methods/registry.ts";
import { requireRoom } from "../methods/room.ts";
import { extractFeatures, sizesOf } from "../score/features.ts";
import { methodScorer, type Scorer } from "./scorer.ts";
import type { Settings } from "./settings.ts";
import { MODEL } from "./train.ts";
import type { TrainOptions } from "./train_options.ts";

/**
 * Fits the method that the settings name, which is not ADTR.
 *
 * @returns null if it was stopped early
 * @throws {InputError} where an image can't be read, the file not written, or memory won't do for the method: told before
 *   the work
 */
export async function fitCategory(options: TrainOptions): Promise<Scorer | null> {
  const { source, category, settings, signal, onProgress = () => {} } = options;
  const { gpu, backbone } = source, sizes = sizesOf(source), length = sizes.C * sizes.H * sizes.W;
  const { method, coreset, neighbours, sigma, seed } = settings;
  if (method === "adtr") throw new RangeError("Expected another method than adtr");
  const channels = settings.padim_channels === 0 ? {} : { padim_channels: settings.padim_channels };
  const ours = methodSettings({ method, ...sizes, coreset, neighbours, ...channels, sigma, seed });
  const { pooled } = methods[method], count = category.train.length;
  const come = 4 * count * (length + (pooled ? backbone.pooledChannels : 0));
  requireRoom(gpu, ours, count, { come, pooled: backbone.pooledChannels });
  const report = (phase: "features" | "fitting", done: number, total: number, unit: string): void =>
    onProgress({ phase, category: category.name, done, total, unit });
  try {
    const onImage = (done: number): void => report("features", done, count, "images");
    const features = await extractFeatures({ ...source, pooled }, category.train, onImage, signal);
    const images = {
      features: features.map((values) => values.subarray(0, length)),
      pooled: pooled ? features.map((values) => values.subarray(length)) : undefined,
    };
    await options.onStart?.();
    const fitted = await methods[method].fit(
      gpu,
      images,
      ours,
      (done, total, unit) => report("fitting", done, total, unit),
      signal,
    );
    try {
      await writeMethod(join(options.out, MODEL), await fitted.state(), infoOf(options, settings));
    } catch (error) {
      fitted.release();
      throw error;
    }
    return methodScorer(fitted);
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return null;
    throw error;
  }
}

/** What a model file remembers of its making. */
function infoOf({ source, category }: TrainOptions, settings: Settings): Record<string, unknown> {
  return { ...settings, features: source.backbone.fingerprint, category: category.name };
}
