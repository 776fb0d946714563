/**
 * A weight file in any of the formats that are read, told apart by content: safetensors, or PyTorch's two kinds of
 * checkpoint.
 *
 * @module
 */
import { InputError, SettingError } from "../errors.ts";
import { isCheckpoint, parseCheckpoint } from "./pth.ts";
import { sha256 } from "../sha256.ts";
import { parseSafetensors } from "./safetensors.ts";
import type { StoredTensor, TensorFile } from "./tensor_file.ts";

/** What a weight file holds, and what it is. */
export interface WeightFile extends TensorFile {
  /** What kind of file it is, by its content. */
  format: "safetensors" | "PyTorch" | "PyTorch (legacy)";
  /** Where in a checkpoint the tensors are: `ema.state_dict`, or `.` for what was saved; null of safetensors. */
  key: string | null;
  /** Of the whole file, 64 hexadecimal digits. */
  sha256: string;
}

/** How to read a weight file. */
export interface WeightFileOptions {
  /**
   * Which state dict of a checkpoint that holds several, keys within keys with dots: `ema.state_dict`; by default the one
   * that alone can be meant.
   */
  weights_key?: string;
}

/** What PyTorch's DataParallel and compile put before every name. */
const WRAPPERS = ["module.", "_orig_mod."], MAX_WRAPPERS = 4;
/** What AveragedModel has beside what it wraps. */
const COUNT = "n_averaged";

/**
 * Parses a weight file. Names lose the `module.` and `_orig_mod.` that all of them may begin with.
 *
 * @param path what errors call the file
 * @throws {InputError} where it is damaged or something else, has several state dicts that can be meant, or none of that
 *   key
 */
export async function parseWeightFile(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  { weights_key }: WeightFileOptions = {},
): Promise<WeightFile> {
  const hash = await sha256(bytes);
  if (isCheckpoint(bytes)) {
    const { tensors, key, format } = parseCheckpoint(bytes, path, weights_key);
    return { path, tensors: unwrap(tensors), metadata: {}, format, key, sha256: hash };
  }
  if (bytes[8] !== "{".charCodeAt(0)) { // where a safetensors file's header begins
    const found = bytes.length === 0 ? "an empty file" : "something else";
    throw new InputError(
      `Expected a safetensors file or a PyTorch checkpoint in ${path}, but found ${found}`,
    );
  }
  const { tensors, metadata } = parseSafetensors(bytes, path);
  if (weights_key !== undefined) {
    throw new SettingError(
      `Expected no {weights_key} for ${path}, a safetensors file, which has one state dict, but found ${weights_key}`,
      "data",
    );
  }
  return { path, tensors: unwrap(tensors), metadata, format: "safetensors", key: null, sha256: hash };
}

function unwrap(tensors: Map<string, StoredTensor>): Map<string, StoredTensor> {
  for (let times = 0; times < MAX_WRAPPERS; times++) {
    const names = [...tensors.keys()].filter((name) => name !== COUNT);
    const wrapper = WRAPPERS.find((prefix) => names.every((name) => name.startsWith(prefix)));
    if (wrapper === undefined || names.length === 0) break;
    tensors = new Map(names.map((name) => [name.slice(wrapper.length), tensors.get(name)!]));
  }
  return tensors;
}
