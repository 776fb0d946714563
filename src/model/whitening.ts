/**
 * Covariances and what whitens by them, of residuals (docs/method.md §6) and of features (§10): the Mahalanobis distance: √(dᵀ Σ⁻¹ d) = ‖L⁻¹ d‖ with Σ = L Lᵀ, so that on the GPU
 * it is a matrix product and a norm. Everything here is float64 on the host.
 *
 * @module
 */
import { InputError } from "../errors.ts";

const RIDGE = 0.1; // of Σ's mean diagonal, added to the diagonal

/** Sums from which a covariance comes: it can be fed part by part. */
export class Covariance {
  readonly C: number;
  #count = 0;
  #sum: Float64Array;
  #products: Float64Array;

  constructor(C: number) {
    this.C = C;
    this.#sum = new Float64Array(C);
    this.#products = new Float64Array(C * C);
  }

  /**
   * Adds rows by the sums of e = d − shift: float32 sums of d itself would lose a variance that is small beside the mean.
   *
   * @param shift close to the rows' mean, [C]
   * @param sum Σ e over the rows, [C]
   * @param products Σ e eᵀ over the rows, [C, C]
   */
  add(
    rows: number,
    shift: ArrayLike<number>,
    sum: ArrayLike<number>,
    products: ArrayLike<number>,
  ): void {
    const { C } = this;
    this.#count += rows;
    for (let i = 0, at = 0; i < C; i++) {
      this.#sum[i] += sum[i] + rows * shift[i];
      for (let j = 0; j < C; j++, at++) {
        this.#products[at] += products[at] + shift[i] * sum[j] + sum[i] * shift[j] +
          rows * shift[i] * shift[j];
      }
    }
  }

  /** Σ [C, C], divided by the number of rows, with `ridge` of its mean diagonal on its diagonal. */
  value(ridge = RIDGE): Float64Array {
    const { C } = this, n = this.#count;
    const covariance = this.#products.map((p, i) =>
      p / n - this.#sum[Math.floor(i / C)] / n * (this.#sum[i % C] / n)
    );
    let trace = 0;
    for (let i = 0; i < C; i++) trace += covariance[i * C + i];
    for (let i = 0; i < C; i++) covariance[i * C + i] += ridge * trace / C;
    return covariance;
  }
}

/**
 * L⁻¹, lower triangular, of a covariance Σ = L Lᵀ (Cholesky).
 *
 * @param covariance [C, C], symmetric
 * @returns [C, C]
 * @throws {InputError} where it is not positive definite
 */
export function whitening(covariance: ArrayLike<number>, C: number): Float32Array<ArrayBuffer> {
  const L = new Float64Array(C * C);
  for (let i = 0; i < C; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = covariance[i * C + j];
      for (let k = 0; k < j; k++) sum -= L[i * C + k] * L[j * C + k];
      if (i === j && !(sum > 0)) {
        throw new InputError(
          "Expected features or residuals with a positive definite covariance, but found them alike, or nothing on its diagonal",
        );
      }
      L[i * C + j] = i === j ? Math.sqrt(sum) : sum / L[j * C + j];
    }
  }
  const inverse = new Float64Array(C * C); // row after row, each less what the rows above it contribute
  for (let i = 0; i < C; i++) {
    inverse[i * C + i] = 1;
    for (let k = 0; k < i; k++) {
      const factor = L[i * C + k];
      for (let j = 0; j <= k; j++) inverse[i * C + j] -= factor * inverse[k * C + j];
    }
    for (let j = 0; j <= i; j++) inverse[i * C + j] /= L[i * C + i];
  }
  return Float32Array.from(inverse);
}

/** A matrix [C, C] with zeros up to [wide, wide], as kernels take it. */
export function widened(matrix: Float32Array, C: number, wide: number): Float32Array<ArrayBuffer> {
  const padded = new Float32Array(wide * wide);
  for (let i = 0; i < C; i++) padded.set(matrix.subarray(i * C, (i + 1) * C), i * wide);
  return padded;
}

/** [wide, wide] without its padding: [C, C]. */
export function narrowed(matrix: Float32Array, C: number, wide: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: C * C }, (_, i) => matrix[Math.floor(i / C) * wide + i % C]);
}
