/**
 * Models by their files' paths.
 *
 * @module
 */
import type { WeightFileOptions } from "../formats/weight_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Model } from "../score/model.ts";
import { openModelBytes, type OpenModelOptions } from "../score/open_model.ts";
import { readWhole } from "./files.ts";
import { files } from "./image_files.ts";
import { readWeightFile } from "./tensor_files.ts";

/** How to open a model of that path. */
export interface OpenModelPathOptions
  extends Omit<OpenModelOptions, "weights" | "images">, WeightFileOptions {
  /** Path of its backbone's weight file; none where that is built in. */
  weights?: string;
}

/**
 * Opens a model file. It scores images by their paths.
 *
 * @throws {InputError} where a file can't be read, or the weights are missing, too much or not those that the model was
 *   trained on
 */
export async function openModel(
  gpu: Gpu,
  path: string,
  { weights, weights_key, ...options }: OpenModelPathOptions = {},
): Promise<Model> {
  const file = weights === undefined ? undefined : await readWeightFile(weights, { weights_key });
  return await openModelBytes(gpu, await readWhole(path), { ...options, weights: file, images: files }, path);
}
