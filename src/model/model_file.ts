/**
 * Model files: safetensors with ADTR's parameters under their PyTorch names (docs/method.md §3), what features are
 * normalised with (`feature_mean` [C, H, W], `feature_std` [C]), the covariance of the training residuals
 * (`residual_covariance` [C, C]), and the settings as JSON in the metadata, so that scoring needs no options.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { type AdtrConfig, adtrShapes, ARCHITECTURES } from "./adtr.ts";
import type { ModelState } from "../methods/adtr/detector.ts";
import type { Normalisation } from "./normalisation.ts";
import { readSafetensors, writeSafetensors } from "../host/tensor_files.ts";
import { expectTensor, stored, type StoredTensor, type TensorFile } from "../formats/tensor_file.ts";
import { readWeightFile } from "../host/tensor_files.ts";

const FORMAT = "adtr 1";

/** A model file's content; `info` is whatever the one who wrote it wanted to remember. */
export interface ModelFile {
  /** Sizes, parameters and what belongs to them: enough for a `Detector`. */
  state: ModelState;
  /** From train: the settings, the backbone's fingerprint as `features`, and the category. */
  info: Record<string, unknown>;
}

/**
 * Writes a model file, whole or not at all. The same model gives the same bytes.
 *
 * @throws {InputError} where it can't be written
 */
export async function writeModel(
  path: string,
  state: ModelState,
  info: Record<string, unknown>,
): Promise<void> {
  const { config, parameters, normalisation, covariance } = state;
  const { C, H, W } = config;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, shape] of adtrShapes(config)) {
    tensors.set(name, stored(Float32Array.from(parameters.get(name)!.data), shape));
  }
  if (normalisation) {
    tensors.set("feature_mean", stored(transpose(normalisation.mean, H * W, C), [C, H, W]));
    tensors.set("feature_std", stored(normalisation.deviation, [C]));
  }
  if (covariance) tensors.set("residual_covariance", stored(covariance, [C, C]));
  // That of the paper is not named, as in files from before there were others.
  const { architecture, ...sizes } = config, isPaper = architecture === "adtr";
  const model = JSON.stringify(isPaper ? sizes : config);
  const metadata = { format: FORMAT, model, config: JSON.stringify(info) };
  await writeSafetensors(path, tensors, metadata);
}

/**
 * Reads a model file.
 *
 * @throws {InputError} where it can't be read, is damaged, or is no model of this program's
 */
export async function readModel(path: string): Promise<ModelFile> {
  return modelIn(await readSafetensors(path));
}

/** As `readModel`, of a file that has been read. */
export function modelIn(file: TensorFile): ModelFile {
  const { path } = file;
  if (file.metadata.format !== FORMAT) {
    throw new InputError(
      `Expected a model written by train in ${path}, but found ${
        file.metadata.format
          ? `the format "${file.metadata.format}"`
          : "a file of tensors without its settings"
      }`,
    );
  }
  const sizes = parseMetadata(path, file.metadata.model) as unknown as AdtrConfig;
  const config: AdtrConfig = { ...sizes, architecture: sizes.architecture ?? "adtr" };
  const info = parseMetadata(path, file.metadata.config);
  const { C, H, W, D, A, F, encoder, decoder, dropout, architecture } = config;
  if (!ARCHITECTURES.includes(architecture!)) {
    throw new InputError(
      `Expected one of the architectures ${ARCHITECTURES.join(", ")} in the metadata of ${path}, ` +
        `but found ${JSON.stringify(architecture)}`,
    );
  }
  const areSizes = [C, H, W, D, A, F, encoder, decoder].every((n) => Number.isInteger(n) && n > 0);
  // Every layer has tensors of its own: a file can't have more layers than tensors.
  const isModel = areSizes && encoder + decoder < file.tensors.size && dropout >= 0 && dropout < 1;
  if (!isModel || D % A !== 0 || D % 2 !== 0) {
    throw new InputError(
      `Expected a model's sizes in the metadata of ${path}, but found ${file.metadata.model}`,
    );
  }
  const has = (name: string) => file.tensors.has(name);
  const normalisation = has("feature_mean") || has("feature_std") ? normalisationIn(file, config) : null;
  const covariance = has("residual_covariance") ? expectTensor(file, "residual_covariance", [C, C]) : null;
  return { state: { config, parameters: parametersOf(file, config), normalisation, covariance }, info };
}

function normalisationIn(file: TensorFile, { C, H, W }: AdtrConfig): Normalisation {
  const mean = transpose(expectTensor(file, "feature_mean", [C, H, W]), C, H * W);
  const deviation = expectTensor(file, "feature_std", [C]), bad = deviation.find((d) => d <= 0);
  if (bad !== undefined) {
    throw new InputError(`Expected numbers above 0 in feature_std of ${file.path}, but found ${bad}`);
  }
  return { mean, deviation };
}

/**
 * Initial parameters from a file: a model file or any state dict of ADTR's, safetensors or PyTorch.
 *
 * @throws {InputError} where it can't be read, is of another architecture, or a parameter is missing or has another shape
 */
export async function readParameters(path: string, config: AdtrConfig): Promise<ModelState["parameters"]> {
  const file = await readWeightFile(path), { architecture: wanted = "adtr" } = config;
  // The first whose parameters are all there: those of some are among those of others, which come before them.
  const found = ARCHITECTURES.find((architecture) =>
    adtrShapes({ ...config, architecture }).keys().every((name) => file.tensors.has(name))
  );
  if (found && found !== wanted) {
    throw new InputError(
      `Expected parameters of the architecture ${wanted} in ${path}, but found those of ${found}`,
    );
  }
  return parametersOf(file, config);
}

function parametersOf(
  file: TensorFile,
  config: AdtrConfig,
): Map<string, { data: Float32Array<ArrayBuffer> }> {
  return new Map(
    [...adtrShapes(config)].map(([name, shape]) => [name, { data: expectTensor(file, name, shape) }]),
  );
}

/** A JSON object in the metadata. @throws {InputError} where it is none */
export function parseMetadata(path: string, text: string | undefined): Record<string, unknown> {
  try {
    const value = JSON.parse(text ?? "");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // said below
  }
  throw new InputError(`Expected settings as JSON in the metadata of ${path}, but found ${text ?? "none"}`);
}

/** [rows, columns] to [columns, rows]. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const turned = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) turned[c * rows + r] = values[r * columns + c];
  }
  return turned;
}
