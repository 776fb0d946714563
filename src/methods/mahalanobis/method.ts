/**
 * `mahalanobis`: one Gaussian over the features of all positions of all training images, with 0.1 of its covariance's mean
 * diagonal on the diagonal; a position's score is the Mahalanobis distance √((x − μ)ᵀ Σ⁻¹ (x − μ)) = ‖L⁻¹ (x − μ)‖, Σ = L Lᵀ.
 *
 * A model file has `mean` μ [C] and `whitening` L⁻¹ [C, C], lower triangular.
 *
 * @module
 */
import { InputError } from "../../errors.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { sumColumns } from "../../kernels/rows/columns.ts";
import { gemm } from "../../kernels/dense/gemm.ts";
import { norms } from "../../kernels/rows/squares.ts";
import { standardise } from "../../kernels/norm/standardise.ts";
import { paddedChannels } from "../../model/adtr.ts";
import { batches } from "../../model/batches.ts";
import { Covariance, narrowed, whitening, widened } from "../../model/whitening.ts";
import { meanOf } from "../mean.ts";
import { scoreByMaps } from "../maps.ts";
import {
  checkFeatures,
  type FittedMethod,
  type MapOptions,
  type Method,
  type MethodScores,
  type MethodSettings,
  type MethodState,
  type OnFit,
  tensorOf,
} from "../method.ts";
import { requireRoom } from "../room.ts";
import { batchSize } from "../upload.ts";

/** The method. */
export const mahalanobis: Method = {
  pooled: false,
  maps: true,
  imageScore: true,
  async fit(gpu, { features }, settings, onProgress, signal) {
    requireRoom(gpu, settings, features.length);
    const { C } = settings, mean = await meanOf(features, C, signal);
    const covariance = await covarianceOf(gpu, features, mean, settings, onProgress, signal);
    return new Fitted(gpu, settings, mean, whitening(covariance, C));
  },
  open(gpu, state) {
    const { C } = state.settings;
    const mean = tensorOf(state, "mean", [C]), inverse = tensorOf(state, "whitening", [C, C]);
    return Promise.resolve(new Fitted(gpu, state.settings, mean.data, inverse.data));
  },
};

/**
 * Σ with its ridge, [C, C].
 *
 * @throws {InputError} where all features are equal
 */
async function covarianceOf(
  gpu: Gpu,
  features: readonly Float32Array[],
  mean: Float32Array<ArrayBuffer>,
  { C, H, W }: MethodSettings,
  onProgress: OnFit = () => {},
  signal?: AbortSignal,
): Promise<Float64Array> {
  const covariance = new Covariance(C), wide = paddedChannels(C), size = batchSize(gpu, H * W, wide);
  const mu = gpu.tensor(mean), ones = gpu.tensor(new Float32Array(C).fill(1));
  let done = 0;
  try {
    for (const x of batches(gpu, features, { C, H, W }, size)) {
      const rows = x.size / C;
      await gpu.step(async (gpu) => {
        const centred = standardise(gpu, x.view([rows, 1, C]), mu, ones, wide);
        const products = gpu.empty([wide, wide], "a covariance"), sum = gpu.empty([wide], "a sum");
        gemm(gpu, { a: centred, b: centred, c: products, M: wide, N: wide, K: rows, transA: true });
        sumColumns(gpu, centred, sum, { rows, columns: wide });
        const [p, s] = await gpu.stream.read(products, sum);
        covariance.add(rows, mean, s, narrowed(p, C, wide));
      });
      gpu.release(x);
      onProgress(done += x.shape[0], features.length, "images");
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    }
  } finally {
    for (const tensor of [mu, ones]) gpu.release(tensor);
  }
  const value = covariance.value();
  let largest = 0, scale = 0;
  for (let c = 0; c < C; c++) {
    largest = Math.max(largest, value[c * C + c]);
    scale = Math.max(scale, mean[c] ** 2);
  }
  // Beside rounding.
  if (!(largest > 1e-12 * scale)) {
    throw new InputError("Expected training images whose features differ, but found them all alike");
  }
  return value;
}

class Fitted implements FittedMethod {
  readonly settings: MethodSettings;
  #gpu: Gpu;
  #tight: { mean: Float32Array<ArrayBuffer>; inverse: Float32Array<ArrayBuffer> };
  #mean: Tensor;
  #ones: Tensor;
  #whitening: Tensor;

  constructor(
    gpu: Gpu,
    settings: MethodSettings,
    mean: Float32Array<ArrayBuffer>,
    inverse: Float32Array<ArrayBuffer>,
  ) {
    const { C } = settings, wide = paddedChannels(C);
    this.#gpu = gpu;
    this.settings = settings;
    this.#tight = { mean, inverse };
    this.#mean = gpu.tensor(mean);
    this.#ones = gpu.tensor(new Float32Array(C).fill(1));
    this.#whitening = gpu.tensor(widened(inverse, C, wide), [wide, wide]);
  }

  score(features: Tensor, _: unknown, options: MapOptions): Promise<MethodScores> {
    checkFeatures(features, this.settings);
    const [wide] = this.#whitening.shape, rows = features.size / this.settings.C;
    return scoreByMaps(this.#gpu, this.settings, options, (gpu) => {
      const flat = features.view([rows, 1, this.settings.C]);
      const centred = standardise(gpu, flat, this.#mean, this.#ones, wide);
      const white = gpu.empty([rows, wide], "whitened features"), s = gpu.empty([rows], "score maps");
      const sizes = { M: rows, N: wide, K: wide };
      gemm(gpu, { a: centred, b: this.#whitening, c: white, ...sizes, transB: true, whole: true });
      norms(gpu, white, s);
      return s;
    });
  }

  state(): Promise<MethodState> {
    const { C } = this.settings, { mean, inverse } = this.#tight;
    const tensors = new Map([
      ["mean", { shape: [C], data: mean }],
      ["whitening", { shape: [C, C], data: inverse }],
    ]);
    return Promise.resolve({ settings: this.settings, tensors });
  }

  release(): void {
    for (const tensor of [this.#mean, this.#ones, this.#whitening]) this.#gpu.release(tensor);
  }
}
