/**
 * `gaussian`: one Gaussian over the features of whole images, each brought to deviation 1, with 0.1 on the diagonal of their
 * correlations; an image's score is its Mahalanobis distance √(zᵀ R⁻¹ z), z = (x − μ) / σ (Lee et al. 2018, arXiv 1807.03888,
 * with one class; Rippel et al. 2021, arXiv 2005.14140).
 *
 * A model file has `pooled_mean` μ [P], and `whitening` [P, P], lower triangular: L⁻¹ diag(1/σ), R + 0.1 = L Lᵀ.
 *
 * @module
 */
import { whitening } from "../../model/whitening.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { featureDefaults, isTuned } from "../feature_defaults.ts";
import { meanOf } from "../mean.ts";
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
import { gaussianOnnx } from "./onnx.ts";
import { pauses } from "../pause.ts";
import { POOLED_RULES, type PooledSettings } from "../settings.ts";

const RIDGE = 0.1;
const readModel = modelReader(SIZES);

/** The method. */
export const gaussian: Method<PooledSettings> = {
  name: "gaussian",
  about: "one Gaussian over whole images: scores, no maps",
  settings: POOLED_RULES,
  input: "features",
  pooled: true,
  maps: false,
  seeded: false,
  readModel,
  defaults(about) {
    const isLite = about.backbone.startsWith("efficientnet_lite");
    return {
      pooled_levels: isLite ? "6,7" : "last",
      ...featureDefaults(about),
      ...(about.preset === "small" && isLite && !isTuned(about)
        ? { feature_length: "unit", feature_size: 8 }
        : {}),
    };
  },
  needs: (_, { images, P }) => ({
    gpu: 0,
    host: 24 * P * P + 8 * images * P,
    lower: [],
    or: "take fewer of {pooled_levels}",
  }),
  async learn(run) {
    const images = await run.images(), pooled = checkPooled(images.pooled, images.features.length);
    const P = pooled[0].length, mean = await meanOf(pooled, P, run.signal), n = pooled.length;
    const pause = pauses(run.signal), products = new Float64Array(P * P), centred = new Float64Array(P);
    for (const [i, values] of pooled.entries()) {
      for (let c = 0; c < P; c++) centred[c] = values[c] - mean[c];
      for (let a = 0; a < P; a++) {
        for (let b = 0; b <= a; b++) products[a * P + b] += centred[a] * centred[b] / n;
      }
      run.onProgress(i + 1, n, "images");
      await pause();
    }
    const deviation = Float64Array.from({ length: P }, (_, c) => Math.sqrt(products[c * P + c]) || 1);
    if (!products.some((value) => value > 0)) throw allAlike();
    const correlation = new Float64Array(P * P);
    for (let a = 0; a < P; a++) {
      for (let b = 0; b <= a; b++) {
        correlation[a * P + b] = products[a * P + b] / deviation[a] / deviation[b] + (a === b ? RIDGE : 0);
      }
    }
    const inverse = whitening(correlation, P).map((v, i) => v / deviation[i % P]), { C, H, W } = run.sizes;
    return new Model({ C, H, W }, mean, inverse);
  },
  open(_, state) {
    const { mean, inverse } = valuesIn(state);
    return Promise.resolve(new Model(readModel(state.model), mean, inverse));
  },
  onnx: (graph, state, { pooled, P }) => gaussianOnnx(graph, valuesIn(state, P), pooled!),
};

/** @throws {RangeError} where one is missing or of another shape */
function valuesIn(state: State, width = 0) {
  const { data: mean } = tensorOf(state, "pooled_mean", [width]), P = mean.length;
  return { mean, inverse: tensorOf(state, "whitening", [P, P]).data };
}

class Model implements Fitted {
  readonly P: number;
  #model: FeatureSizes;
  #mean: Float32Array<ArrayBuffer>;
  #inverse: Float32Array<ArrayBuffer>;

  constructor(model: FeatureSizes, mean: Float32Array<ArrayBuffer>, inverse: Float32Array<ArrayBuffer>) {
    this.#model = model;
    this.#mean = mean;
    this.P = mean.length;
    this.#inverse = inverse;
  }

  score(features: Tensor, pooled: readonly Float32Array[]): Promise<Scores> {
    const { P } = this;
    const scores = Float32Array.from(checkPooled(pooled, features.shape[0]), (values) => {
      let square = 0;
      for (let a = 0; a < P; a++) {
        let sum = 0;
        for (let b = 0; b <= a; b++) sum += this.#inverse[a * P + b] * (values[b] - this.#mean[b]);
        square += sum * sum;
      }
      return Math.sqrt(square);
    });
    return Promise.resolve({ maps: null, scores });
  }

  state(): Promise<State> {
    const { P } = this;
    const tensors = new Map([
      ["pooled_mean", { shape: [P], data: this.#mean }],
      ["whitening", { shape: [P, P], data: this.#inverse }],
    ]);
    return Promise.resolve({ model: { ...this.#model }, tensors });
  }

  [Symbol.dispose](): void {} // nothing is on the GPU
}
