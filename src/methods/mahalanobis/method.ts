/**
 * `mahalanobis`: one Gaussian over the features of all positions of all training images, with 0.1 of its covariance's mean
 * diagonal on the diagonal; a position's score is the Mahalanobis distance √((x − μ)ᵀ Σ⁻¹ (x − μ)) = ‖L⁻¹ (x − μ)‖, Σ = L Lᵀ.
 *
 * A model file has `mean` μ [C] and `whitening` L⁻¹ [C, C], lower triangular.
 *
 * @module
 */
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { gemm } from "../../kernels/dense/gemm.ts";
import { norms } from "../../kernels/rows/squares.ts";
import { standardise } from "../../kernels/norm/standardise.ts";
import { paddedChannels } from "../../model/layout.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { whitening, widened } from "../../model/whitening.ts";
import { covarianceOf } from "../covariance.ts";
import { meanOf } from "../mean.ts";
import { featureDefaults } from "../feature_defaults.ts";
import { scoreByMaps } from "../maps.ts";
import {
  checkFeatures,
  type Fitted,
  type Method,
  type Scores,
  type ScoreSettings,
  type State,
  tensorOf,
} from "../method.ts";
import { modelReader, SIZES } from "../model.ts";
import { mahalanobisOnnx } from "./onnx.ts";

const RIDGE = 0.1; // of the mean diagonal
const readModel = modelReader(SIZES);

/** The method. */
export const mahalanobis: Method<Record<never, never>> = {
  name: "mahalanobis",
  about: "one Gaussian over the features of all positions",
  settings: {},
  input: "features",
  pooled: false,
  maps: true,
  seeded: false,
  readModel,
  defaults: (about) => featureDefaults(about),
  needs: (_, { C }) => ({
    gpu: 8 * C * C,
    host: 24 * C * C,
    lower: ["feature_size"],
    or: "take fewer training images",
  }),
  async learn(run) {
    const { features } = await run.images(), { C, H, W } = run.sizes;
    const mean = await meanOf(features, C, run.signal);
    const covariance = await covarianceOf(run.gpu, features, mean, run.sizes, {
      ridge: RIDGE,
      onProgress: run.onProgress,
      signal: run.signal,
    });
    return new Model(run.gpu, { C, H, W }, mean, whitening(covariance, C));
  },
  open(gpu, state) {
    const model = readModel(state.model), { mean, inverse } = valuesIn(state, model);
    return Promise.resolve(new Model(gpu, model, mean, inverse));
  },
  onnx: (graph, state, { features }, settings) => {
    const model = readModel(state.model);
    return mahalanobisOnnx(graph, model, valuesIn(state, model), features, settings);
  },
};

/** @throws {RangeError} where one is missing or of another shape */
function valuesIn(state: State, { C }: FeatureSizes) {
  return { mean: tensorOf(state, "mean", [C]).data, inverse: tensorOf(state, "whitening", [C, C]).data };
}

class Model implements Fitted {
  #model: FeatureSizes;
  #gpu: Gpu;
  #tight: { mean: Float32Array<ArrayBuffer>; inverse: Float32Array<ArrayBuffer> };
  #mean: Tensor;
  #ones: Tensor;
  #whitening: Tensor;

  constructor(
    gpu: Gpu,
    model: FeatureSizes,
    mean: Float32Array<ArrayBuffer>,
    inverse: Float32Array<ArrayBuffer>,
  ) {
    const { C } = model, wide = paddedChannels(C);
    this.#gpu = gpu;
    this.#model = model;
    this.#tight = { mean, inverse };
    this.#mean = gpu.tensor(mean);
    this.#ones = gpu.tensor(new Float32Array(C).fill(1));
    this.#whitening = gpu.tensor(widened(inverse, C, wide), [wide, wide]);
  }

  score(features: Tensor, _: unknown, settings: ScoreSettings): Promise<Scores> {
    checkFeatures(features, this.#model);
    const [wide] = this.#whitening.shape, rows = features.size / this.#model.C;
    return scoreByMaps(this.#gpu, this.#model, settings, (gpu) => {
      const flat = features.view([rows, 1, this.#model.C]);
      const centred = standardise(gpu, flat, this.#mean, this.#ones, wide);
      const white = gpu.empty([rows, wide], "whitened features"), s = gpu.empty([rows], "score maps");
      const sizes = { M: rows, N: wide, K: wide };
      gemm(gpu, { a: centred, b: this.#whitening, c: white, ...sizes, transB: true, whole: true });
      norms(gpu, white, s);
      return s;
    });
  }

  state(): Promise<State> {
    const { C } = this.#model, { mean, inverse } = this.#tight;
    const tensors = new Map([
      ["mean", { shape: [C], data: mean }],
      ["whitening", { shape: [C, C], data: inverse }],
    ]);
    return Promise.resolve({ model: { ...this.#model }, tensors });
  }

  [Symbol.dispose](): void {
    for (const tensor of [this.#mean, this.#ones, this.#whitening]) this.#gpu.release(tensor);
  }
}
