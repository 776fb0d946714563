/**
 * A Gaussian at each position: the Mahalanobis distance ‖L⁻¹ (x − μ)‖, Σ = L Lᵀ, of what lies at a position from what the
 * training images have there.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { gemm } from "../kernels/dense/gemm.ts";
import { norms } from "../kernels/rows/squares.ts";
import { paddedChannels } from "../model/layout.ts";
import { whitening } from "../model/whitening.ts";
import { pauses } from "./pause.ts";

/** How far fitting is, and how to end it. */
export interface FitOptions {
  readonly onProgress?: (done: number, total: number, unit: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * L⁻¹ of every position's covariance (divided by n − 1), with `ridge`, or a share of its mean diagonal, on its diagonal,
 * [N, d, d]. The products are the GPU's,
 * the factors the host's, in float64.
 *
 * @param values of each image, [N, d]
 * @param mean over the images, [N, d]
 */
export async function whitenings(
  gpu: Gpu,
  values: readonly Float32Array[],
  mean: Float32Array,
  d: number,
  ridge: number | { share: number },
  { onProgress, signal }: FitOptions = {},
): Promise<Float32Array<ArrayBuffer>> {
  const N = mean.length / d, n = values.length, wide = paddedChannels(d), pause = pauses(signal);
  const inverses = new Float32Array(N * d * d), covariance = new Float64Array(d * d);
  const room = gpu.limits.maxStorageBufferBindingSize / 4;
  const size = Math.max(1, Math.floor(Math.min(N, room / (4 * wide * Math.max(n, wide)))));
  for (let first = 0; first < N; first += size) {
    const count = Math.min(size, N - first), centred = new Float32Array(n * count * wide);
    for (const [i, image] of values.entries()) {
      for (let p = 0; p < count; p++) {
        for (let c = 0, from = (first + p) * d, to = (i * count + p) * wide; c < d; c++) {
          centred[to + c] = image[from + c] - mean[from + c];
        }
      }
      await pause();
    }
    const sums = await gpu.step(async (gpu) => {
      const x = gpu.tensor(centred, [n, count, wide]),
        products = gpu.empty([count, wide, wide], "covariances");
      const layout = { ld: count * wide, inner: wide }, layoutC = { ld: wide, inner: wide * wide };
      const sizes = { M: wide, N: wide, K: n, inner: count, transA: true };
      gemm(gpu, { a: x, b: x, c: products, ...sizes, layoutA: layout, layoutB: layout, layoutC });
      return await gpu.read(products);
    });
    for (let p = 0; p < count; p++) {
      for (let i = 0; i < d; i++) {
        for (let j = 0; j < d; j++) {
          covariance[i * d + j] = sums[(p * wide + i) * wide + j] / Math.max(1, n - 1);
        }
      }
      addRidge(covariance, d, ridge);
      inverses.set(whitening(covariance, d), (first + p) * d * d);
      onProgress?.(first + p + 1, N, "positions");
      await pause();
    }
  }
  return inverses;
}

/** The mean variance of a position of which nothing is known counts as 1. */
function addRidge(covariance: Float64Array, d: number, ridge: number | { share: number }): void {
  let trace = 0;
  for (let i = 0; i < d; i++) trace += covariance[i * d + i];
  const added = typeof ridge === "number" ? ridge : ridge.share * (trace > 0 ? trace / d : 1);
  for (let i = 0; i < d; i++) covariance[i * d + i] += added;
}

/** The factors on the GPU, in as many pieces as the binding limit asks for. */
export class PositionGaussians implements Disposable {
  /** d with zeros behind, a multiple of 4: what `distances` takes. */
  readonly wide: number;
  #gpu: Gpu;
  #d: number;
  /** L⁻¹ of the positions from `first` on: [positions, wide, wide]. */
  #pieces: { inverses: Tensor; first: number }[] = [];

  /** @param inverses L⁻¹, [N, d, d] */
  constructor(gpu: Gpu, inverses: Float32Array, d: number) {
    const N = inverses.length / (d * d), wide = paddedChannels(d);
    this.wide = wide;
    this.#gpu = gpu;
    this.#d = d;
    const size = Math.floor(gpu.limits.maxStorageBufferBindingSize / (4 * wide * wide));
    for (let first = 0; first < N; first += size) {
      const count = Math.min(size, N - first), padded = new Float32Array(count * wide * wide);
      for (let row = 0; row < count * d; row++) {
        const from = (first * d + row) * d, to = (Math.floor(row / d) * wide + row % d) * wide;
        padded.set(inverses.subarray(from, from + d), to);
      }
      const piece = gpu.empty([count, wide, wide], "Gaussians");
      gpu.stream.write(piece, padded);
      this.#pieces.push({ inverses: piece, first });
    }
  }

  /** Distances of x [B, N, wide], less the means, with zeros behind d: [B · N]. */
  distances(gpu: Compute, x: Tensor): Tensor {
    const [B, N, wide] = x.shape,
      white = gpu.empty(x.shape, "whitened features"),
      s = gpu.empty([B * N], "score maps");
    for (const { inverses, first } of this.#pieces) {
      const layout = { ld: N * wide, offset: first * wide, inner: wide };
      gemm(gpu, {
        a: x,
        b: inverses,
        c: white,
        M: B,
        N: wide,
        K: wide,
        inner: inverses.shape[0],
        transB: true,
        layoutA: layout,
        layoutB: { ld: wide, inner: wide * wide },
        layoutC: layout,
        whole: true,
      });
    }
    norms(gpu, white, s);
    return s;
  }

  /** L⁻¹, [N, d, d]. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const d = this.#d,
      wide = this.wide,
      N = this.#pieces.reduce((sum, { inverses }) => sum + inverses.shape[0], 0);
    const data = new Float32Array(N * d * d);
    for (const { inverses, first } of this.#pieces) {
      const padded = await this.#gpu.read(inverses);
      for (let row = 0; row < inverses.shape[0] * d; row++) {
        const from = (Math.floor(row / d) * wide + row % d) * wide;
        data.set(padded.subarray(from, from + d), (first * d + row) * d);
      }
    }
    return data;
  }

  [Symbol.dispose](): void {
    for (const { inverses } of this.#pieces) this.#gpu.release(inverses);
  }
}
