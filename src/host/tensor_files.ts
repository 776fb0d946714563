/**
 * Files of tensors by their paths: safetensors in and out, and weight files of any format in.
 *
 * @module
 */
import { parseSafetensors, safetensorsHeader } from "../formats/safetensors.ts";
import { halved, type StoredTensor, type TensorFile } from "../formats/tensor_file.ts";
import { parseWeightFile, type WeightFile, type WeightFileOptions } from "../formats/weight_file.ts";
import { readWhole, removeAbandoned, writeWhole } from "./files.ts";

/** Reads a safetensors file. @throws {InputError} where it can't be read or is damaged */
export async function readSafetensors(path: string): Promise<TensorFile> {
  return parseSafetensors(await readWhole(path), path);
}

/**
 * Writes a safetensors file, which appears whole or not at all, without a copy of it in memory.
 *
 * @param before where to keep what is in its place; it is replaced without
 * @throws {InputError} where it can't be written
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Record<string, string> = {},
  before?: string,
): Promise<void> {
  await writeWhole(path, async (write) => {
    await write(safetensorsHeader(tensors, metadata));
    for (const { bytes } of tensors.values()) await write(bytes);
  }, before);
}

/** Reads a weight file. @throws {InputError} where it can't be read, and as `parseWeightFile` */
export async function readWeightFile(path: string, options?: WeightFileOptions): Promise<WeightFile> {
  return await parseWeightFile(await readWhole(path), path, options);
}

/**
 * Writes a weight file's tensors to a safetensors file, of the dtypes they have or, with `halve`, filters and matrices
 * in float16.
 *
 * @throws {InputError} where one can't be read or the other not written, or float16 has no value for a weight
 */
export async function convertWeights(
  input: string,
  output: string,
  { halve = false, ...options }: WeightFileOptions & { halve?: boolean } = {},
): Promise<void> {
  const { tensors: found, metadata } = await readWeightFile(input, options);
  const tensors = halve
    ? new Map([...found].map(([name, tensor]) => [name, halved(tensor, name, input)]))
    : found;
  await removeAbandoned(output);
  await writeSafetensors(output, tensors, metadata);
}
