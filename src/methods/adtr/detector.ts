/**
 * A trained model at work: features in, anomaly maps and scores out (docs/method.md §6).
 *
 * @module
 */
import type { HostTensor } from "../../optim/parameters.ts";
import { Tape } from "../../autograd/tape.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { sumColumns } from "../../kernels/rows/columns.ts";
import { add } from "../../kernels/dense/elementwise.ts";
import { gemm } from "../../kernels/dense/gemm.ts";
import { averagePool, reduceImages } from "../../kernels/conv/pool.ts";
import { resize } from "../../kernels/conv/resize.ts";
import { norms } from "../../kernels/rows/squares.ts";
import { standardise } from "../../kernels/norm/standardise.ts";
import { Adtr, type AdtrConfig, paddedChannels } from "../../model/adtr.ts";
import { identity, type Normalisation } from "../../model/normalisation.ts";
import { Covariance, narrowed, whitening, widened } from "../../model/whitening.ts";

/** Window of the average that comes before the maximum of a map (docs/method.md §6), pixels. */
export const POOL = 16;

/** A model's values on the host, as a model file holds them. */
export interface ModelState {
  /** The transformer's sizes. */
  config: AdtrConfig;
  /** Parameters by their PyTorch names. */
  parameters: ReadonlyMap<string, { data: ArrayLike<number> }>;
  /** Null: features are taken as they are. */
  normalisation: Normalisation | null;
  /** Of the training residuals, with its ridge, [C, C]; null where it is not known. */
  covariance: Float32Array<ArrayBuffer> | null;
}

/** How residuals become maps and maps become scores. */
export interface ScoreOptions {
  /** S: side of the maps, pixels. */
  image_size: number;
  /** Euclidean norm of the residual (paper), or its Mahalanobis distance. */
  score: "residual" | "residual-mahalanobis";
  /** Maximum after 16×16 average pooling (paper), or mean. */
  image_score: "max" | "mean";
}

/** Scores of a batch. */
export interface Scores {
  /** [B, S, S], larger is more anomalous. */
  maps: Float32Array<ArrayBuffer>;
  /** [B] */
  scores: Float32Array<ArrayBuffer>;
}

/** Feature normalisation, the transformer, and the distance between what comes in and what it makes of that. */
export class Detector {
  /** The transformer. */
  readonly adtr: Adtr;
  /** It looks at positions only. */
  readonly pooled = false;
  /** It makes maps. */
  readonly maps = true;
  #gpu: Gpu;
  #normalisation: Normalisation | null;
  #mean: Tensor;
  #deviation: Tensor;
  #covariance: Float32Array<ArrayBuffer> | null;
  #whitening: Tensor | null = null;

  /** The model on the GPU. @throws {RangeError} where a parameter is missing or has another number of values */
  constructor(gpu: Gpu, { config, parameters, normalisation, covariance }: ModelState) {
    this.#gpu = gpu;
    this.adtr = new Adtr(gpu, config, parameters);
    this.#normalisation = normalisation;
    const { mean, deviation } = normalisation ?? identity(config.H * config.W, config.C);
    this.#mean = gpu.tensor(mean);
    this.#deviation = gpu.tensor(deviation);
    this.#covariance = covariance;
  }

  /** Features [B, N, C] as the transformer takes them, [B, N, `paddedChannels`(C)]. */
  prepare(gpu: Compute, features: Tensor): Tensor {
    const wide = paddedChannels(this.adtr.config.C);
    return standardise(gpu, features, this.#mean, this.#deviation, wide);
  }

  /** d = reconstruction − features, of prepared features' shape. Within a step. */
  residual(gpu: Compute, features: Tensor): Tensor {
    const x = this.prepare(gpu, features);
    const reconstruction = this.adtr.forward(new Tape(gpu, { record: false, dropout: false }), x);
    const d = gpu.empty(x.shape, "a residual");
    add(gpu, reconstruction, x, d, -1);
    return d;
  }

  /**
   * Maps and scores of features [B, N, C] on the GPU. Opens a step.
   *
   * @throws {RangeError} where the features are not of the model's sizes, or a Mahalanobis distance is asked for and no
   *   covariance is known
   */
  score(features: Tensor, options: ScoreOptions): Promise<Scores> {
    const { H, W } = this.adtr.config, [B] = features.shape, S = options.image_size;
    return this.#gpu.step(async (gpu) => {
      let d = this.residual(gpu, features);
      if (options.score === "residual-mahalanobis") d = this.#whiten(gpu, d);
      const s = gpu.empty([B, H, W], "score maps");
      norms(gpu, d, s);
      const maps = gpu.empty([B, S, S], "score maps");
      resize(gpu, s, maps);
      const scores = options.image_score === "mean"
        ? reduceImages(gpu, maps, "mean")
        : reduceImages(gpu, averagePool(gpu, maps, POOL), "max");
      const [m, i] = await gpu.stream.read(maps, scores);
      return { maps: m, scores: i };
    });
  }

  /** L⁻¹ d for every position. */
  #whiten(gpu: Compute, d: Tensor): Tensor {
    const { C } = this.adtr.config, wide = paddedChannels(C);
    if (!this.#covariance) {
      throw new RangeError("Expected a model with the covariance of its training residuals");
    }
    if (!this.#whitening) {
      const inverse = widened(whitening(this.#covariance, C), C, wide);
      this.#whitening = this.#gpu.tensor(inverse, [wide, wide]);
    }
    const white = gpu.empty(d.shape, "whitened residuals");
    const sizes = { M: d.size / wide, N: wide, K: wide };
    gemm(gpu, { a: d, b: this.#whitening, c: white, ...sizes, transB: true, whole: true });
    return white;
  }

  /**
   * Measures the covariance of the residuals of training features, for the Mahalanobis distance, and remembers it.
   *
   * @param batches of features [B, N, C] on the GPU, each released once it has been looked at
   */
  async measureCovariance(batches: Iterable<Tensor>): Promise<void> {
    const gpu = this.#gpu, { C } = this.adtr.config, wide = paddedChannels(C);
    const covariance = new Covariance(C), ones = gpu.tensor(new Float32Array(wide).fill(1));
    for (const features of batches) {
      const rows = features.size / C;
      await gpu.step(async (gpu) => {
        const d = this.residual(gpu, features);
        const products = gpu.empty([wide, wide], "a covariance"),
          mean = gpu.empty([wide]),
          sum = gpu.empty([wide]);
        sumColumns(gpu, d, mean, { rows, columns: wide, scale: 1 / rows });
        const centred = standardise(gpu, d.view([rows, 1, wide]), mean, ones, wide);
        gemm(gpu, { a: centred, b: centred, c: products, M: wide, N: wide, K: rows, transA: true });
        sumColumns(gpu, centred, sum, { rows, columns: wide });
        const [p, m, s] = await gpu.stream.read(products, mean, sum);
        covariance.add(rows, m, s, narrowed(p, C, wide));
      });
      gpu.release(features);
    }
    gpu.release(ones);
    this.#covariance = Float32Array.from(covariance.value());
    if (this.#whitening) gpu.release(this.#whitening);
    this.#whitening = null;
  }

  /** Gives the model's memory back; it can't be used any more. */
  release(): void {
    this.adtr.parameters[Symbol.dispose]();
    for (const tensor of [this.#mean, this.#deviation, this.#whitening]) {
      if (tensor) this.#gpu.release(tensor);
    }
  }

  /** Everything that makes up the model, to be stored. */
  async state(): Promise<ModelState & { parameters: Map<string, HostTensor> }> {
    return {
      config: this.adtr.config,
      parameters: await this.adtr.parameters.read(),
      normalisation: this.#normalisation,
      covariance: this.#covariance,
    };
  }
}
