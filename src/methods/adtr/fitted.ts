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
import { Adtr } from "../../model/adtr.ts";
import { paddedChannels } from "../../model/layout.ts";
import { identity, type Normalisation } from "../../model/normalisation.ts";
import { Covariance, narrowed, whitening, widened } from "../../model/whitening.ts";
import { scoreByMaps } from "../maps.ts";
import { meanOf } from "../mean.ts";
import { type FitOptions, PositionGaussians, whitenings } from "../position_gaussians.ts";
import { checkFeatures, type Fitted, type Scores, type ScoreSettings, type State } from "../method.ts";
import { type AdtrState, toState } from "./state.ts";

const POSITION_RIDGE = 0.1; // share of the mean variance of residuals at a position

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
  #positions: { mean: Tensor; gaussians: PositionGaussians } | null = null;
  #ones: Tensor;

  /** The model on the GPU. @throws {RangeError} where a parameter is missing or has another number of values */
  constructor(gpu: Gpu, { config, parameters, normalisation, covariance, positions }: AdtrState) {
    this.#gpu = gpu;
    this.adtr = new Adtr(gpu, config, parameters);
    this.#normalisation = normalisation;
    const { mean, deviation } = normalisation ?? identity(config.H * config.W, config.C);
    this.#mean = gpu.tensor(mean);
    this.#deviation = gpu.tensor(deviation);
    this.#covariance = covariance;
    this.#ones = gpu.tensor(new Float32Array(paddedChannels(config.C)).fill(1));
    if (positions) this.#setPositions(positions);
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
      const d = this.residual(gpu, features);
      if (settings.score === "residual-padim") return this.#positionDistances(gpu, d);
      const s = gpu.empty(features.shape.slice(0, 2), "score maps");
      norms(gpu, settings.score === "residual-mahalanobis" ? this.#whiten(gpu, d) : d, s);
      return s;
    });
  }

  /** ‖L⁻¹ (d − μ)‖ with the L and μ of every position. */
  #positionDistances(gpu: Compute, d: Tensor): Tensor {
    if (!this.#positions) {
      throw new InputError(
        "Expected a model with a Gaussian of its training residuals at each position, but found none in it",
      );
    }
    const { mean, gaussians } = this.#positions;
    return gaussians.distances(gpu, standardise(gpu, d, mean, this.#ones, gaussians.wide));
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
   * @param batches of features [B, N, C] on the GPU, each looked at before the next is asked for
   */
  async measureCovariance(batches: Iterable<Tensor>): Promise<void> {
    const gpu = this.#gpu, { C } = this.adtr.config, wide = paddedChannels(C);
    const covariance = new Covariance(C);
    for (const features of batches) {
      const rows = features.size / C;
      await gpu.step(async (gpu) => {
        const d = this.residual(gpu, features), ones = gpu.tensor(new Float32Array(wide).fill(1));
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
    }
    this.#covariance = Float32Array.from(covariance.value());
    if (this.#whitening) gpu.release(this.#whitening);
    this.#whitening = null;
  }

  /**
   * Fits a Gaussian to the residuals of training features at each position, for `residual-padim`, and remembers it.
   *
   * @param batches of features [B, N, C] on the GPU, each looked at before the next is asked for
   */
  async measurePositions(batches: Iterable<Tensor>, options: FitOptions = {}): Promise<void> {
    const gpu = this.#gpu, { C, H, W } = this.adtr.config, N = H * W, wide = paddedChannels(C);
    const residuals: Float32Array[] = [];
    for (const features of batches) {
      const values = await gpu.step((gpu) => gpu.read(this.residual(gpu, features)));
      for (let b = 0; b < features.shape[0]; b++) {
        const rows = new Float32Array(N * C);
        for (let n = 0; n < N; n++) {
          rows.set(values.subarray((b * N + n) * wide, (b * N + n) * wide + C), n * C);
        }
        residuals.push(rows);
      }
    }
    const mean = await meanOf(residuals, N * C, options.signal);
    const inverses = await whitenings(gpu, residuals, mean, C, { share: POSITION_RIDGE }, options);
    this.#setPositions({ mean, inverses });
  }

  #setPositions({ mean, inverses }: NonNullable<AdtrState["positions"]>): void {
    const { C, H, W } = this.adtr.config,
      N = H * W,
      wide = paddedChannels(C),
      padded = new Float32Array(N * wide);
    for (let n = 0; n < N; n++) padded.set(mean.subarray(n * C, (n + 1) * C), n * wide);
    this.#positions = {
      mean: this.#gpu.tensor(padded, [N, wide]),
      gaussians: new PositionGaussians(this.#gpu, inverses, C),
    };
  }

  async #readPositions(): Promise<AdtrState["positions"]> {
    if (!this.#positions) return null;
    const { C } = this.adtr.config, padded = await this.#gpu.read(this.#positions.mean);
    const [N, wide] = this.#positions.mean.shape, mean = new Float32Array(N * C);
    for (let n = 0; n < N; n++) mean.set(padded.subarray(n * wide, n * wide + C), n * C);
    return { mean, inverses: await this.#positions.gaussians.read() };
  }

  async state(): Promise<State> {
    return toState({
      config: this.adtr.config,
      parameters: await this.adtr.parameters.read(),
      normalisation: this.#normalisation,
      covariance: this.#covariance,
      positions: await this.#readPositions(),
    });
  }

  [Symbol.dispose](): void {
    this.adtr.parameters[Symbol.dispose]();
    this.#positions?.gaussians[Symbol.dispose]();
    for (const tensor of [this.#mean, this.#deviation, this.#ones, this.#whitening, this.#positions?.mean]) {
      if (tensor) this.#gpu.release(tensor);
    }
  }
}
