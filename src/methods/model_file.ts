/**
 * Model files: safetensors with what a method has kept under the names that its files give, and as JSON in the metadata the
 * method, its sizes (`model`), the settings of the run (`config`) and what is anomalous (`decision`), so that scoring needs
 * no options.
 *
 * @module
 */
import { InputError, shortened } from "../errors.ts";
import type { OnnxGraph } from "../formats/onnx.ts";
import { parseSafetensors } from "../formats/safetensors.ts";
import { type Content, expectTensor, stored, type TensorFile } from "../formats/tensor_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import {
  type Decision,
  type HeldOut,
  heldOutTensors,
  readDecision,
  takeHeldOut,
  UNDECIDED,
} from "./decision.ts";
import type { Fitted, Method, ModelSizes, OnnxFeatures, OnnxScores, ScoreSettings, State } from "./method.ts";
import { type Projection, projectionIn } from "./projection.ts";
import { METHOD_NAMES, methodNamed } from "./registry.ts";

const FORMAT = "adtr model 2";
const MOST_VALUES = 2 ** 27; // of an image's features: what any adapter here binds at once, four times over

/** A model file that has been read. */
export interface ModelFile {
  readonly method: Method;
  readonly sizes: ModelSizes;
  readonly state: State;
  /** What the one who wrote it wanted to remember: from training the settings, the backbone's fingerprint as `features`, and the category. */
  readonly info: Readonly<Record<string, unknown>>;
  /** Above which scores something is anomalous. */
  readonly decision: Decision;
  /** What that was found on. */
  readonly heldOut: HeldOut | null;
  /** What errors call it. */
  readonly path: string;
}

/** What a model file holds. The same model gives the same bytes. */
export function contentOf(
  method: string,
  { model, tensors }: State,
  info: Readonly<Record<string, unknown>>,
  { decision, heldOut }: Pick<ModelFile, "decision" | "heldOut"> = { decision: UNDECIDED, heldOut: null },
): Content {
  const all = [...tensors, ...heldOutTensors(heldOut)];
  return {
    tensors: new Map(all.map(([name, { data, shape }]) => [name, stored(data, shape)])),
    metadata: {
      format: FORMAT,
      method,
      model: JSON.stringify(model),
      config: JSON.stringify(info),
      decision: JSON.stringify(decision),
    },
  };
}

/**
 * Reads a model file.
 *
 * @param path what errors call it
 * @throws {InputError} where it is damaged, or no model of this program's; or where a tensor has NaN or infinities
 */
export function parseModel(bytes: Uint8Array<ArrayBuffer>, path: string): ModelFile {
  const file = parseSafetensors(bytes, path), { format, method: name } = file.metadata;
  if (format !== FORMAT || !METHOD_NAMES.includes(name)) {
    const found = format !== FORMAT
      ? format ? `the format "${shortened(format)}"` : "a file of tensors without its settings"
      : name
      ? `one of the method ${shortened(JSON.stringify(name))}`
      : "one without a method";
    throw new InputError(`Expected a model written by train in ${path}, but found ${found}`);
  }
  const method = methodNamed(name), model = jsonIn(file, "model"), info = jsonIn(file, "config");
  const sizes = attempt(path, () => method.readModel(model));
  if (sizes.C * sizes.H * sizes.W > MOST_VALUES) {
    throw new InputError(
      `Expected at most ${MOST_VALUES} features an image in ${path}, but found ${
        shortened(file.metadata.model)
      }`,
    );
  }
  const tensors = new Map(
    [...file.tensors].map(([name, { shape }]) => [name, { shape, data: expectTensor(file, name, shape) }]),
  );
  const heldOut = attempt(path, () => takeHeldOut(tensors)), { decision: json } = file.metadata;
  const decision = json === undefined ? UNDECIDED : readDecision(json);
  if (decision === null) {
    throw new InputError(
      `Expected a decision as JSON in the metadata of ${path}, but found ${shortened(json)}`,
    );
  }
  return { method, sizes, state: { model: model as State["model"], tensors }, info, decision, heldOut, path };
}

/** Opens what has been read. @throws {InputError} where a tensor is missing, of another shape, or not what it must be */
export async function openFitted(gpu: Gpu, { method, state, path }: ModelFile): Promise<Fitted> {
  try {
    return await method.open(gpu, state);
  } catch (error) {
    throw refused(path, error);
  }
}

/**
 * The scoring of what has been read, as nodes of an ONNX graph.
 *
 * @throws {InputError} where the method has none, or a tensor is missing, of another shape, or not what it must be
 */
export function scoringOnnx(
  graph: OnnxGraph,
  { method, state, path }: ModelFile,
  features: OnnxFeatures,
  settings: ScoreSettings,
): OnnxScores {
  if (!method.onnx) {
    throw new InputError(
      `Expected a model of a method that has an ONNX form, but found ${method.name} in ${path}, which has none`,
    );
  }
  return attempt(path, () => method.onnx!(graph, state, features, settings));
}

/** What its features are brought down to; null for nothing. @throws {InputError} where that does not fit the model */
export function projectionOf({ state, sizes, path }: ModelFile): Projection | null {
  return attempt(path, () => projectionIn(state, sizes));
}

function attempt<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw refused(path, error);
  }
}

function refused(path: string, error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new InputError(`${path} holds no model: ${error.message[0].toLowerCase()}${error.message.slice(1)}`);
}

/** A JSON object in the metadata. */
function jsonIn({ path, metadata }: TensorFile, key: string): Record<string, unknown> {
  try {
    const value = JSON.parse(metadata[key] ?? "");
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // said below
  }
  throw new InputError(
    `Expected ${key} as JSON in the metadata of ${path}, but found ${shortened(metadata[key] ?? "none")}`,
  );
}
