/**
 * A weight file in any of the formats that are read, told apart by content: safetensors, or PyTorch's two kinds of
 * checkpoint.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { isCheckpoint, parseCheckpoint } from "./pth.ts";
import { sha256 } from "../sha256.ts";
import { parseSafetensors } from "./safetensors.ts";
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
 * Parses a weight file. Names lose the `module.` that all of them may begin with.
 *
 * @param path what errors call the file
 * @throws {InputError} where it is damaged or something else
 */
export async function parseWeightFile(bytes: Uint8Array<ArrayBuffer>, path: string): Promise<WeightFile> {
  const hash = await sha256(bytes);
  if (isCheckpoint(bytes)) {
    const { tensors, format } = parseCheckpoint(bytes, path);
    return { path, tensors: unwrap(tensors), metadata: {}, format, sha256: hash };
  }
  if (bytes[8] !== "{".charCodeAt(0)) { // where a safetensors file's header begins
    const found = bytes.length === 0 ? "an empty file" : "something else";
    throw new InputError(
      `Expected a safetensors file or a PyTorch checkpoint in ${path}, but found ${found}`,
    );
  }
  const { tensors, metadata } = parseSafetensors(bytes, path);
  return { path, tensors: unwrap(tensors), metadata, format: "safetensors", sha256: hash };
}

function unwrap(tensors: Map<string, StoredTensor>): Map<string, StoredTensor> {
  if (![...tensors.keys()].every((name) => name.startsWith(WRAPPED))) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name.slice(WRAPPED.length), tensor]));
}
