/**
 * A weight file in any of the formats that are read, told apart by content: safetensors, or PyTorch's two kinds of
 * checkpoint.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { InputError } from "../errors.ts";
import { readWhole } from "../host/files.ts";
import { isCheckpoint, parseCheckpoint } from "./pth.ts";
import { parseSafetensors, writeSafetensors } from "./safetensors.ts";
import type { StoredTensor, TensorFile } from "./tensor_file.ts";

/** What a weight file holds, and what it is. */
export interface WeightFile extends TensorFile {
  /** What kind of file it is, by its content. */
  format: "safetensors" | "PyTorch" | "PyTorch (legacy)";
  /** Of the whole file, 64 hexadecimal digits. */
  sha256: string;
}

const WRAPPED = "module."; // what PyTorch's DataParallel puts before every name

/**
 * Reads a weight file. Names lose the `module.` that all of them may begin with.
 *
 * @throws {InputError} where it can't be read, is damaged or is something else
 */
export async function readWeightFile(path: string): Promise<WeightFile> {
  const bytes = await readWhole(path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (isCheckpoint(bytes)) {
    const { tensors, format } = parseCheckpoint(bytes, path);
    return { path, tensors: unwrap(tensors), metadata: {}, format, sha256 };
  }
  if (bytes[8] !== "{".charCodeAt(0)) { // where a safetensors file's header begins
    const found = bytes.length === 0 ? "an empty file" : "something else";
    throw new InputError(
      `Expected a safetensors file or a PyTorch checkpoint in ${path}, but found ${found}`,
    );
  }
  const { tensors, metadata } = parseSafetensors(bytes, path);
  return { path, tensors: unwrap(tensors), metadata, format: "safetensors", sha256 };
}

function unwrap(tensors: Map<string, StoredTensor>): Map<string, StoredTensor> {
  if (![...tensors.keys()].every((name) => name.startsWith(WRAPPED))) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name.slice(WRAPPED.length), tensor]));
}

/**
 * Writes a weight file's tensors, of the dtypes they have, to a safetensors file.
 *
 * @throws {InputError} where one can't be read or the other not written
 */
export async function convertWeights(input: string, output: string): Promise<void> {
  const { tensors, metadata } = await readWeightFile(input);
  await writeSafetensors(output, tensors, metadata);
}
