/**
 * Principal components of features (docs/method.md §9): every channel is brought to standard deviation 1 over all positions
 * of all training images, and the channels to the K directions in which they vary most together. What a method learns from
 * and scores are features [N, K] then.
 *
 *     y = P (x − μ)    P [K, C] with the deviations folded in, μ [C]
 *
 * @module
 */
import { SettingError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { FeatureSizes } from "../model/batches.ts";
import type { HostTensor } from "../optim/parameters.ts";
import { covarianceOf } from "./covariance.ts";
import { symmetricEigen } from "./eigen.ts";
import { meanOf } from "./mean.ts";
import { allAlike, type State, tensorOf } from "./method.ts";

/** What features are projected with. */
export interface Projection {
  /** μ, [C] */
  readonly mean: Float32Array<ArrayBuffer>;
  /** P, [K, C] */
  readonly matrix: Float32Array<ArrayBuffer>;
}

const LEAST_DEVIATION = 1e-6; // a channel that varies less is constant but for rounding: it is not blown up

/** Checks that there are as many channels as components. @throws {SettingError} where there are fewer */
export function checkComponents(K: number, C: number): void {
  if (K > C) {
    throw new SettingError(
      `Expected {components} to be at most ${C}, the channels there are, but found ${K}`,
    );
  }
}

/**
 * The projection of training features to their K principal components.
 *
 * @param features of each image, [N, C]
 * @param K at most C
 * @throws {InputError} where the features do not vary
 */
export async function fitProjection(
  gpu: Gpu,
  features: readonly Float32Array<ArrayBuffer>[],
  sizes: FeatureSizes,
  K: number,
  signal?: AbortSignal,
): Promise<Projection> {
  const { C } = sizes;
  const mean = await meanOf(features, C, signal);
  const covariance = await covarianceOf(gpu, features, mean, sizes, { ridge: 0, signal });
  const deviation = Float64Array.from({ length: C }, (_, c) => {
    const d = Math.sqrt(Math.max(0, covariance[c * C + c]));
    return d < LEAST_DEVIATION ? 1 : d;
  });
  const correlation = covariance.map((v, i) => v / deviation[Math.floor(i / C)] / deviation[i % C]);
  const { values, vectors } = await symmetricEigen(correlation, C, signal);
  if (!(values[0] > 0)) throw allAlike();
  const matrix = Float32Array.from({ length: K * C }, (_, i) => vectors[i] / deviation[i % C]);
  return { mean, matrix };
}

/** Features [N, C] along the components, [N, K]. */
export function project(features: Float32Array, { mean, matrix }: Projection): Float32Array<ArrayBuffer> {
  const C = mean.length, K = matrix.length / C, N = features.length / C, y = new Float32Array(N * K);
  const x = new Float32Array(C);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) x[c] = features[n * C + c] - mean[c];
    for (let k = 0, at = 0; k < K; k++) {
      let sum = 0;
      for (let c = 0; c < C; c++, at++) sum += matrix[at] * x[c];
      y[n * K + k] = sum;
    }
  }
  return y;
}

const MEAN = "projection_mean", MATRIX = "projection";

/** A model's tensors with those of its projection. */
export function withProjection(state: State, projection: Projection | null): State {
  if (!projection) return state;
  const { mean, matrix } = projection, C = mean.length;
  const tensors = new Map<string, HostTensor>([
    ...state.tensors,
    [MEAN, { shape: [C], data: mean }],
    [MATRIX, { shape: [matrix.length / C, C], data: matrix }],
  ]);
  return { ...state, tensors };
}

/** The projection among a model's tensors; null where it has none. @throws {RangeError} where it does not fit the model's C */
export function projectionIn(state: State, { C: K }: FeatureSizes): Projection | null {
  if (!state.tensors.has(MATRIX)) return null;
  const { data: matrix, shape: [, C] } = tensorOf(state, MATRIX, [K, 0]);
  return { mean: tensorOf(state, MEAN, [C]).data, matrix };
}
