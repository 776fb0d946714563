/**
 * `kde`: a Gaussian kernel density of whole images (the baseline of Ruff et al. 2018, arXiv 1802.06942): pooled features,
 * principal components to 95 % of the variance, bandwidth by cross-validation. The score is −log p; there is no map.
 * All of it is float64 on the host.
 *
 * A model file has `pooled_mean` [P], `components` [d, P], `points` [images, d] and `bandwidth` [1].
 *
 * @module
 */
import { InputError } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { featureDefaults } from "../feature_defaults.ts";
import { meanOf } from "../mean.ts";
import { symmetricEigen } from "../eigen.ts";
import {
  allAlike,
  checkPooled,
  type Fitted,
  type Method,
  type Scores,
  type State,
  tensorOf,
} from "../method.ts";
import { modelReader, SIZES } from "../model.ts";
import { kdeOnnx } from "./onnx.ts";
import { POOLED_RULES, type PooledSettings } from "../settings.ts";
import { pauses } from "../pause.ts";

const VARIANCE = 0.95; // that the components explain
const FOLDS = 5;
const STEPS = 6; // of √2 to each side of the points' standard deviation: bandwidths from an eighth of it to eight times

type Points = readonly Float32Array<ArrayBuffer>[];

const readModel = modelReader(SIZES);

/** The method. */
export const kde: Method<PooledSettings> = {
  name: "kde",
  about: "a kernel density of whole images: scores, no maps",
  settings: POOLED_RULES,
  input: "features",
  pooled: true,
  maps: false,
  seeded: false,
  readModel,
  defaults: (about) => ({ pooled_levels: "last", ...featureDefaults(about) }),
  needs(_, { images, P }) {
    const side = Math.min(P, images);
    return {
      gpu: 0,
      host: 8 * images * P * 2 + 8 * side * side * 2,
      lower: [],
      or: "take fewer training images",
    };
  },
  async learn(run) {
    const images = await run.images(), pooled = checkPooled(images.pooled, images.features.length);
    if (pooled.length < 2) throw new InputError("Expected at least 2 training images for kde, but found 1");
    const mean = await meanOf(pooled, pooled[0].length, run.signal);
    const components = await principalComponents(pooled, mean, run.signal);
    const points: Float32Array<ArrayBuffer>[] = [], pause = pauses(run.signal);
    for (const values of pooled) {
      points.push(project(values, mean, components));
      await pause();
    }
    const onProgress = (done: number) => run.onProgress(done, points.length, "images");
    const bandwidth = await bandwidthOf(points, onProgress, run.signal), { C, H, W } = run.sizes;
    return new Model({ C, H, W }, mean, components, points, bandwidth);
  },
  open(_, state) {
    const { mean, components, points, bandwidth } = valuesIn(state), [d, P] = components.shape;
    const [rows, columns] = [split(components.data, P), split(points.data, d)];
    return Promise.resolve(new Model(readModel(state.model), mean, rows, columns, bandwidth));
  },
  onnx: (graph, state, { pooled, P }) => kdeOnnx(graph, valuesIn(state, P), pooled!),
};

/** @throws {RangeError} where one is missing or of another shape, or the bandwidth is none */
function valuesIn(state: State, width = 0) {
  const { data: mean } = tensorOf(state, "pooled_mean", [width]);
  const components = tensorOf(state, "components", [0, mean.length]);
  const points = tensorOf(state, "points", [0, components.shape[0]]);
  const [bandwidth] = tensorOf(state, "bandwidth", [1]).data;
  if (!(bandwidth > 0)) throw new RangeError(`Expected a bandwidth above 0, but found ${bandwidth}`);
  return { mean, components, points, bandwidth };
}

/** Rows of `width` values. */
function split(data: Float32Array<ArrayBuffer>, width: number): Points {
  return Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width));
}

/**
 * The fewest principal components that explain more than 95 % of the variance, [P] each.
 *
 * @throws {InputError} where the images do not vary
 */
async function principalComponents(
  pooled: readonly Float32Array[],
  mean: Float32Array,
  signal?: AbortSignal,
): Promise<Points> {
  const n = pooled.length, P = mean.length, pause = pauses(signal);
  const centred = pooled.map((values) => Float64Array.from(values, (v, i) => v - mean[i]));
  // Of the n×n products of images or the P×P products of channels, the fewer: they have the same eigenvalues.
  const byImages = n < P, side = Math.min(n, P), products = new Float64Array(side * side);
  if (byImages) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) products[i * n + j] = products[j * n + i] = dot(centred[i], centred[j]);
      await pause();
    }
  } else {
    for (const values of centred) {
      for (let i = 0; i < P; i++) for (let j = 0; j < P; j++) products[i * P + j] += values[i] * values[j];
      await pause();
    }
  }
  const { values, vectors } = await symmetricEigen(products, side, signal);
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  if (!(total > 1e-12 * n * dot(mean, mean))) { // beside rounding
    throw allAlike();
  }
  const components: Float32Array<ArrayBuffer>[] = [];
  for (let explained = 0; explained <= VARIANCE * total && components.length < side;) {
    const k = components.length, vector = vectors.subarray(k * side, (k + 1) * side);
    explained += values[k];
    if (byImages) {
      const sum = new Float64Array(P), length = Math.sqrt(values[k]);
      centred.forEach((image, i) => image.forEach((v, c) => sum[c] += vector[i] * v / length));
      components.push(Float32Array.from(sum));
    } else {
      components.push(Float32Array.from(vector));
    }
    await pause();
  }
  return components;
}

function dot(a: Float64Array | Float32Array, b: Float64Array | Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** An image's features along the components, [d]. */
function project(values: Float32Array, mean: Float32Array, components: Points): Float32Array<ArrayBuffer> {
  const centred = Float64Array.from(values, (v, i) => v - mean[i]);
  return Float32Array.from(components, (component) => dot(component, centred));
}

/**
 * The bandwidth under which held-out images are most likely, in 5 folds (image i is held out in fold i mod 5), of 13: the
 * root of the points' mean variance per component, times 2^(−3), 2^(−2.5), … 2^3. The smallest of equals.
 */
async function bandwidthOf(
  points: Points,
  onProgress: (done: number) => void,
  signal?: AbortSignal,
): Promise<number> {
  const n = points.length, d = points[0].length, folds = Math.min(FOLDS, n), pause = pauses(signal);
  const scale = Math.sqrt(points.reduce((sum, y) => sum + dot(y, y), 0) / (n * d));
  const grid = Array.from({ length: 2 * STEPS + 1 }, (_, i) => Math.fround(scale * 2 ** ((i - STEPS) / 2)));
  const likelihoods = new Float64Array(grid.length);
  for (let i = 0; i < n; i++) {
    const squares: number[] = [];
    for (let j = 0; j < n; j++) {
      if (j % folds !== i % folds) squares.push(squaredDistance(points[i], points[j]));
    }
    for (let g = 0; g < grid.length; g++) likelihoods[g] += logDensity(squares, d, grid[g]);
    onProgress(i + 1);
    await pause();
  }
  return grid[likelihoods.indexOf(Math.max(...likelihoods))];
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}

/** log of the mean of the kernels' densities at these squared distances, in d dimensions. */
function logDensity(squares: ArrayLike<number>, d: number, bandwidth: number): number {
  let least = Infinity, sum = 0;
  for (let i = 0; i < squares.length; i++) least = Math.min(least, squares[i]);
  for (let i = 0; i < squares.length; i++) sum += Math.exp((least - squares[i]) / (2 * bandwidth ** 2));
  return Math.log(sum / squares.length) - least / (2 * bandwidth ** 2) -
    d * (Math.log(bandwidth) + Math.log(2 * Math.PI) / 2);
}

class Model implements Fitted {
  readonly P: number;
  #model: FeatureSizes;
  #mean: Float32Array<ArrayBuffer>;
  #components: Points;
  #points: Points;
  #bandwidth: number;

  constructor(
    model: FeatureSizes,
    mean: Float32Array<ArrayBuffer>,
    components: Points,
    points: Points,
    bandwidth: number,
  ) {
    this.#model = model;
    this.#mean = mean;
    this.P = mean.length;
    this.#components = components;
    this.#points = points;
    this.#bandwidth = bandwidth;
  }

  score(features: Tensor, pooled: readonly Float32Array[]): Promise<Scores> {
    const d = this.#components.length;
    const scores = Float32Array.from(checkPooled(pooled, features.shape[0]), (values) => {
      const y = project(values, this.#mean, this.#components);
      return -logDensity(this.#points.map((point) => squaredDistance(y, point)), d, this.#bandwidth);
    });
    return Promise.resolve({ maps: null, scores });
  }

  state(): Promise<State> {
    const rows = (data: Points, width: number) => {
      const all = new Float32Array(data.length * width);
      data.forEach((row, i) => all.set(row, i * width));
      return { shape: [data.length, width], data: all };
    };
    const { P } = this, d = this.#components.length;
    const tensors = new Map([
      ["pooled_mean", { shape: [P], data: this.#mean }],
      ["components", rows(this.#components, P)],
      ["points", rows(this.#points, d)],
      ["bandwidth", { shape: [1], data: Float32Array.of(this.#bandwidth) }],
    ]);
    return Promise.resolve({ model: { ...this.#model }, tensors });
  }

  [Symbol.dispose](): void {} // nothing is on the GPU
}
