/**
 * Model files of the methods beside ADTR: safetensors with what a method has kept, and the settings as JSON in the metadata,
 * as ADTR's model files have them.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { parseMetadata } from "../model/model_file.ts";
import { writeSafetensors } from "../host/tensor_files.ts";
import { expectTensor, stored, type TensorFile } from "../formats/tensor_file.ts";
import {
  type FittedMethod,
  METHOD_NAMES,
  type MethodSettings,
  methodSettings,
  type MethodState,
} from "./method.ts";
import { methods } from "./registry.ts";

/** What `format` says in the metadata. */
export const METHOD_FORMAT = "adtr method 1";

/**
 * Writes a model file, whole or not at all. The same model gives the same bytes.
 *
 * @param info the run's settings, as `openModel` wants them
 * @throws {InputError} where it can't be written
 */
export async function writeMethod(
  path: string,
  { settings, tensors }: MethodState,
  info: Record<string, unknown>,
): Promise<void> {
  const all = new Map([...tensors].map(([name, { data, shape }]) => [name, stored(data, shape)]));
  const metadata = { format: METHOD_FORMAT, model: JSON.stringify(settings), config: JSON.stringify(info) };
  await writeSafetensors(path, all, metadata);
}

/**
 * Opens what `writeMethod` wrote.
 *
 * @throws {InputError} where settings are no method's, or a tensor is missing, of another shape or not finite
 */
export async function openMethod(gpu: Gpu, file: TensorFile): Promise<FittedMethod> {
  const settings = methodSettingsIn(file);
  const tensors = new Map(
    [...file.tensors].map((
      [name, { shape }],
    ) => [name, { shape: [...shape], data: expectTensor(file, name, shape) }]),
  );
  try {
    return await methods[settings.method].open(gpu, { settings, tensors });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`${file.path} is not a model of ${settings.method}: ${error.message}`);
  }
}

/** A model file's method and sizes. @throws {InputError} where they are none */
export function methodSettingsIn({ path, metadata }: TensorFile): MethodSettings {
  const settings = parseMetadata(path, metadata.model) as unknown as MethodSettings;
  const { method, C, H, W, seed } = settings;
  const isSize = (n: number, most: number): boolean => Number.isInteger(n) && n > 0 && n <= most;
  const areSizes = isSize(C, 65536) && isSize(H, 256) && isSize(W, 256) && Number.isInteger(seed);
  if (!METHOD_NAMES.includes(method) || !areSizes) {
    throw new InputError(
      `Expected a method and its sizes in the metadata of ${path}, but found ${metadata.model}`,
    );
  }
  try {
    return methodSettings(settings);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`In the metadata of ${path}: ${error.message}`);
  }
}
