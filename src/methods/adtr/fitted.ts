/**
 * A trained ADTR at work: features in, anomaly maps and scores out (docs/method.md §6).
 *
 * @module
 */
import { Tape } from "../../autograd/tape.ts";
import { InputError } from "../../errors.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { add } from "../../kernels/dense/elementwise.ts";
import { gemm } from "../../kernels/dense/gemm.ts";
import { standardise } from "../../kernels/norm/standardise.ts";
import { sumColumns } from "../../kernels/rows/columns.ts";
import { norms } from "../../kernels/rows/squares.ts";
import { Adtr, paddedChannels } from "../../model/adtr.ts";
import { identity, type Normalisation } from "../../model/normalisation.ts";
import { Covariance, narrowed, whitening, widened } from "../../model/whitening.ts";
import { scoreByMaps } from "../maps.ts";
import { checkFeatures, type Fitted, type Scores, type ScoreSettings, type State } from "../method.ts";
import { type AdtrState, toState } from "./state.ts";

/** Feature normalisation, the transformer, and the distance between what comes in and what it makes of that. */
export class FittedAdtr implements Fitted {
  /** The transformer. */
  readonly adtr: Adtr;
  #gpu: Gpu;
  #normalisation: Normalisation | null;
  #mean: Tensor;
  #deviation: Tensor;
  #covariance: Float32Array<ArrayBuffer> | null;
  #whitening: Tensor | null = null;

  /** The model on the GPU. @throws {RangeError} where a parameter is missing or has another number of values */
  constructor(gpu: Gpu, { config, parameters, normalisation, covariance }: AdtrState) {
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

  score(features: Tensor, _: unknown, settings: ScoreSettings): Promise<Scores> {
    checkFeatures(features, this.adtr.config);
    return scoreByMaps(this.#gpu, this.adtr.config, settings, (gpu) => {
      const d = this.residual(gpu, features), s = gpu.empty(features.shape.slice(0, 2), "score maps");
      norms(gpu, settings.score === "residual-mahalanobis" ? this.#whiten(gpu, d) : d, s);
      return s;
    });
  }

  /** L⁻¹ d for every position. */
  #whiten(gpu: Compute, d: Tensor): Tensor {
    const { C } = this.adtr.config, wide = paddedChannels(C);
    if (!this.#covariance) {
      throw new InputError(
        "Expected a model with the covariance of its training residuals, but found none in it",
      );
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

  async state(): Promise<State> {
    return toState({
      config: this.adtr.config,
      parameters: await this.adtr.parameters.read(),
      normalisation: this.#normalisation,
      covariance: this.#covariance,
    });
  }

  [Symbol.dispose](): void {
    this.adtr.parameters[Symbol.dispose]();
    for (const tensor of [this.#mean, this.#deviation, this.#whitening]) {
      if (tensor) this.#gpu.release(tensor);
    }
  }
}
