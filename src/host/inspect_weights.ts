/**
 * What a weight file holds, as plain data to be shown.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import {
  type EfficientNetName,
  loadEfficientNet,
  type NamingName,
  namingOf,
} from "../model/efficientnet_weights.ts";
import { networkOf } from "../model/recognise.ts";
import { isResNet, loadResNet, type ResNetName } from "../model/resnet_weights.ts";
import type { Dtype } from "../formats/tensor_file.ts";
import type { WeightFile } from "../formats/weight_file.ts";
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
  backbone: EfficientNetName | ResNetName | null;
  /** Whose names an EfficientNet's tensors have; null where nobody's. */
  naming: NamingName | null;
  /** Why the file can't be a backbone's weights; null where it can. */
  problem: string | null;
}

/** What a network can be opened as. */
const FIT: Record<string, EfficientNetName | ResNetName> = {
  "EfficientNet-B0": "efficientnet_b0",
  "EfficientNet-B4": "efficientnet_b4",
  "ResNet-18": "resnet18",
  "ResNet-34": "resnet34",
  "Wide ResNet-50-2": "wide_resnet50_2",
};
const STATISTICS = /\.(running_mean|running_var|num_batches_tracked)$/;

/** Looks into a weight file. @throws {InputError} where it can't be read, is damaged or is something else */
export async function inspectWeights(path: string): Promise<WeightsReport> {
  const file = await readWeightFile(path);
  const { format, sha256, metadata } = file;
  const tensors = [...file.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const parameters = tensors
    .filter(({ name }) => !STATISTICS.test(name))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const naming = namingOf(file) ?? null, network = networkOf(file) ?? null;
  const problem = problemOf(file, network);
  const backbone = problem === null ? FIT[network!] : null;
  return { path, format, sha256, metadata, tensors, parameters, network, backbone, naming, problem };
}

function problemOf(file: WeightFile, network: string | null): string | null {
  const backbone = network === null ? undefined : FIT[network];
  if (!backbone && !namingOf(file)) {
    const found = network ? `what looks like ${network}` : `${file.tensors.size} other tensors`;
    return `Expected the weights of ${Object.keys(FIT).join(", ")} in ${file.path}, but found ${found}`;
  }
  try {
    if (backbone && isResNet(backbone)) loadResNet(file, backbone);
    else loadEfficientNet(file, backbone ?? "efficientnet_b4");
    return null;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}
