/**
 * ADTR's values on the host, and what a model file holds of them: parameters under their PyTorch names (docs/method.md §3),
 * what features are normalised with (`feature_mean` [C, H, W], `feature_std` [C]), and the covariance of the training
 * residuals (`residual_covariance` [C, C]); for the score `residual-padim` their means and whitenings at each position
 * (`residual_mean` [N, C], `residual_whitening` [N, C, C]).
 *
 * @module
 */
import * as v from "npm:valibot@^1.5.0";
import { InputError } from "../../errors.ts";
import { expectTensor, type TensorFile } from "../../formats/tensor_file.ts";
import { type AdtrConfig, adtrShapes, ARCHITECTURES } from "../../model/adtr.ts";
import { transpose } from "../../model/layout.ts";
import type { Normalisation } from "../../model/normalisation.ts";
import type { HostTensor } from "../../optim/parameters.ts";
import { type State, tensorOf } from "../method.ts";
import { modelReader, SIZES } from "../model.ts";
import { real, whole } from "../settings.ts";

/** A model's values on the host. */
export interface AdtrState {
  /** The transformer's sizes. */
  config: AdtrConfig;
  /** Parameters by their PyTorch names. */
  parameters: ReadonlyMap<string, { data: ArrayLike<number> }>;
  /** Null: features are taken as they are. */
  normalisation: Normalisation | null;
  /** Of the training residuals, with its ridge, [C, C]; null where it is not known. */
  covariance: Float32Array<ArrayBuffer> | null;
  /** A Gaussian of the training residuals at each position; null where it was not asked for. */
  positions: { mean: Float32Array<ArrayBuffer>; inverses: Float32Array<ArrayBuffer> } | null;
}

const readSizes = modelReader({
  ...SIZES,
  D: whole(1, 65536),
  A: whole(1, 1024),
  F: whole(1, 65536),
  encoder: whole(1, 100),
  decoder: whole(1, 100),
  dropout: real("a number from 0 to below 1", (p) => p >= 0 && p < 1),
  architecture: v.optional(v.picklist(ARCHITECTURES, `one of ${ARCHITECTURES.join(", ")}`), "adtr"),
});

/** The transformer's sizes in a model file. @throws {RangeError} where they are none */
export function readConfig(model: unknown): AdtrConfig {
  const config = readSizes(model), { D, A } = config;
  if (D % A !== 0 || D % 2 !== 0) {
    throw new RangeError(`Expected an even width that ${A} heads divide, but found ${D}`);
  }
  return config;
}

/** As a model file holds it. */
export function toState({ config, parameters, normalisation, covariance, positions }: AdtrState): State {
  const { C, H, W } = config, tensors = new Map<string, HostTensor>();
  for (const [name, shape] of adtrShapes(config)) {
    tensors.set(name, { shape, data: Float32Array.from(parameters.get(name)!.data) });
  }
  if (normalisation) {
    tensors.set("feature_mean", { shape: [C, H, W], data: transpose(normalisation.mean, H * W, C) });
    tensors.set("feature_std", { shape: [C], data: normalisation.deviation });
  }
  if (covariance) tensors.set("residual_covariance", { shape: [C, C], data: covariance });
  if (positions) {
    tensors.set("residual_mean", { shape: [H * W, C], data: positions.mean });
    tensors.set("residual_whitening", { shape: [H * W, C, C], data: positions.inverses });
  }
  // The paper's architecture is not named, as in files from before there were others.
  const { architecture, ...sizes } = config;
  return { model: architecture === "adtr" ? sizes : { ...sizes, architecture: architecture! }, tensors };
}

/** As it was. @throws {RangeError} where a tensor is missing, of another shape, or not what it must be */
export function fromState(state: State): AdtrState {
  const config = readConfig(state.model),
    { C, H, W } = config,
    N = H * W,
    has = (name: string) => state.tensors.has(name);
  const parameters = new Map(
    [...adtrShapes(config)].map(([name, shape]) => [name, tensorOf(state, name, shape)]),
  );
  const normalisation = has("feature_mean") || has("feature_std") ? normalisationIn(state, config) : null;
  const covariance = has("residual_covariance") ? tensorOf(state, "residual_covariance", [C, C]).data : null;
  const positions = has("residual_whitening")
    ? {
      mean: tensorOf(state, "residual_mean", [N, C]).data,
      inverses: tensorOf(state, "residual_whitening", [N, C, C]).data,
    }
    : null;
  return { config, parameters, normalisation, covariance, positions };
}

function normalisationIn(state: State, { C, H, W }: AdtrConfig): Normalisation {
  const mean = transpose(tensorOf(state, "feature_mean", [C, H, W]).data, C, H * W);
  const deviation = tensorOf(state, "feature_std", [C]).data, bad = deviation.find((d) => d <= 0);
  if (bad !== undefined) throw new RangeError(`Expected numbers above 0 in feature_std, but found ${bad}`);
  return { mean, deviation };
}

/**
 * Initial parameters from a file: a model file or any state dict of ADTR's.
 *
 * @throws {InputError} where it is of another architecture, or a parameter is missing or has another shape
 */
export function parametersIn(file: TensorFile, config: AdtrConfig): AdtrState["parameters"] {
  const { architecture: wanted = "adtr" } = config;
  // The first whose parameters are all there: those of some are among those of others, which come before them.
  const found = ARCHITECTURES.find((architecture) =>
    adtrShapes({ ...config, architecture }).keys().every((name) => file.tensors.has(name))
  );
  if (found && found !== wanted) {
    throw new InputError(
      `Expected parameters of the architecture ${wanted} in ${file.path}, but found those of ${found}`,
    );
  }
  return new Map(
    [...adtrShapes(config)].map(([name, shape]) => [name, { data: expectTensor(file, name, shape) }]),
  );
}
