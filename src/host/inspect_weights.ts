/**
 * What a weight file holds, as plain data to be shown.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { type BackboneName, BACKBONES, type NamingName } from "../model/backbones.ts";
import { namingOf } from "../model/efficientnet_weights.ts";
import { checkWeights } from "../model/open_backbone.ts";
import { networkOf } from "../model/recognise.ts";
import type { Dtype } from "../formats/tensor_file.ts";
import type { WeightFile, WeightFileOptions } from "../formats/weight_file.ts";
import { readWeightFile } from "./tensor_files.ts";

/** A tensor of a file. */
export interface TensorRow {
  /** Its name in the state dict. */
  name: string;
  /** What its values are stored as. */
  dtype: Dtype;
  /** Dimensions, outermost first. */
  shape: readonly number[];
}

/** What a weight file holds. */
export interface WeightsReport {
  /** Where it is. */
  path: string;
  /** What kind of file it is, by its content. */
  format: WeightFile["format"];
  /** Where in a checkpoint the tensors are: `ema.state_dict`, or `.` for what was saved; null of safetensors. */
  key: string | null;
  /** Of the whole file, 64 hexadecimal digits. */
  sha256: string;
  /** What a safetensors file says about itself. */
  metadata: Record<string, string>;
  /** All tensors, in the file's order. */
  tensors: TensorRow[];
  /** Number of values in all tensors but BatchNorm's statistics, which are no parameters. */
  parameters: number;
  /** The network that the tensors look like; null where it is none that is known. */
  network: string | null;
  /** What it is to be opened as; null where it can't be. */
  backbone: BackboneName | null;
  /** Whose names an EfficientNet's tensors have; null where nobody's. */
  naming: NamingName | null;
  /** Why the file can't be a backbone's weights; null where it can. */
  problem: string | null;
}

/** What a network can be opened as: the first backbone that is made of it. */
const FIT = new Map<string, BackboneName>();
for (const [name, description] of Object.entries(BACKBONES)) {
  if ("network" in description && !FIT.has(description.network)) {
    FIT.set(description.network, name as BackboneName);
  }
}
const STATISTICS = /\.(running_mean|running_var|num_batches_tracked)$/;

/** Looks into a weight file. @throws {InputError} as `readWeightFile` does */
export async function inspectWeights(path: string, options?: WeightFileOptions): Promise<WeightsReport> {
  const file = await readWeightFile(path, options);
  const { format, key, sha256, metadata } = file;
  const tensors = [...file.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const parameters = tensors
    .filter(({ name }) => !STATISTICS.test(name))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const naming = namingOf(file) ?? null, network = networkOf(file) ?? null;
  const problem = problemOf(file, network);
  const backbone = problem === null ? FIT.get(network!)! : null;
  return { path, format, key, sha256, metadata, tensors, parameters, network, backbone, naming, problem };
}

function problemOf(file: WeightFile, network: string | null): string | null {
  const backbone = network === null ? undefined : FIT.get(network);
  if (!backbone && !namingOf(file)) {
    const found = network ? `what looks like ${network}` : `${file.tensors.size} other tensors`;
    return `Expected the weights of ${[...FIT.keys()].join(", ")} in ${file.path}, but found ${found}`;
  }
  try {
    checkWeights(file, backbone ?? "efficientnet_b4");
    return null;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}
