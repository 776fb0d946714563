/**
 * `padim` (Defard et al. 2020, arXiv 2011.08785): at each position a Gaussian over d randomly chosen channels, from all
 * training images, with 0.01 on its covariance's diagonal; a position's score is the Mahalanobis distance ‖L⁻¹ (x − μ)‖,
 * Σ = L Lᵀ, and an image's the maximum of its smoothed map.
 *
 * A model file has `channels` [d], `mean` μ [N, d] and `whitening` L⁻¹ [N, d, d], lower triangular.
 *
 * @module
 */
import type { HostTensor } from "../../optim/parameters.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { gemm } from "../../kernels/dense/gemm.ts";
import { norms } from "../../kernels/rows/squares.ts";
import { centreChannels } from "../../kernels/norm/standardise.ts";
import { paddedChannels } from "../../model/adtr.ts";
import { whitening } from "../../model/whitening.ts";
import { Random } from "../../hash.ts";
import { scoreByMaps } from "../maps.ts";
import { meanOf } from "../mean.ts";
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
import { pauses } from "../pause.ts";
import { requireRoom } from "../room.ts";

const RIDGE = 0.01; // ε of the paper

/** The method. */
export const padim: Method = {
  pooled: false,
  maps: true,
  imageScore: true,
  async fit(gpu, { features }, settings, onProgress, signal) {
    requireRoom(gpu, settings, features.length);
    const { C, padim_channels: d, seed } = settings;
    const channels = new Random(seed, "padim channels").permutation(C).subarray(0, d).toSorted();
    const chosen = await choose(features, C, channels, signal);
    const mean = await meanOf(chosen, chosen[0].length, signal);
    const inverses = await whitenings(gpu, chosen, mean, settings, onProgress, signal);
    return new Fitted(gpu, settings, { channels: Float32Array.from(channels), mean, inverses });
  },
  open(gpu, state) {
    const { H, W, padim_channels: d } = state.settings, N = H * W;
    const [channels, mean, inverses] =
      ([["channels", [d]], ["mean", [N, d]], ["whitening", [N, d, d]]] as const)
        .map(([name, shape]) => tensorOf(state, name, shape).data);
    return Promise.resolve(new Fitted(gpu, state.settings, { channels, mean, inverses }));
  },
};

/** Some channels of each image: [N, C] → [N, d]. */
async function choose(
  features: readonly Float32Array[],
  C: number,
  channels: Uint32Array,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const d = channels.length, pause = pauses(signal), chosen: Float32Array[] = [];
  for (const values of features) {
    chosen.push(
      Float32Array.from(
        { length: values.length / C * d },
        (_, i) => values[Math.floor(i / d) * C + channels[i % d]],
      ),
    );
    await pause();
  }
  return chosen;
}

/** L⁻¹ of every position's covariance, [N, d, d]. The products are the GPU's, the factors the host's, in float64. */
async function whitenings(
  gpu: Gpu,
  chosen: readonly Float32Array[],
  mean: Float32Array,
  { H, W, padim_channels: d }: MethodSettings,
  onProgress: OnFit = () => {},
  signal?: AbortSignal,
): Promise<Float32Array<ArrayBuffer>> {
  const N = H * W, n = chosen.length, wide = paddedChannels(d), pause = pauses(signal);
  const inverses = new Float32Array(N * d * d), covariance = new Float64Array(d * d);
  const room = gpu.limits.maxStorageBufferBindingSize / 4;
  const size = Math.max(1, Math.floor(Math.min(N, room / (4 * wide * Math.max(n, wide)))));
  for (let first = 0; first < N; first += size) {
    const count = Math.min(size, N - first), centred = new Float32Array(n * count * wide);
    for (const [i, values] of chosen.entries()) {
      for (let p = 0; p < count; p++) {
        for (let c = 0, from = (first + p) * d, to = (i * count + p) * wide; c < d; c++) {
          centred[to + c] = values[from + c] - mean[from + c];
        }
      }
      await pause();
    }
    const x = gpu.tensor(centred, [n, count, wide]), products = gpu.empty([count, wide, wide], "covariances");
    const layout = { ld: count * wide, inner: wide }, layoutC = { ld: wide, inner: wide * wide };
    const sizes = { M: wide, N: wide, K: n, inner: count, transA: true };
    gemm(gpu, { a: x, b: x, c: products, ...sizes, layoutA: layout, layoutB: layout, layoutC });
    const sums = await gpu.read(products);
    for (const tensor of [x, products]) gpu.release(tensor);
    for (let p = 0; p < count; p++) {
      for (let i = 0; i < d; i++) {
        for (let j = 0; j < d; j++) {
          covariance[i * d + j] = sums[(p * wide + i) * wide + j] / Math.max(1, n - 1) +
            (i === j ? RIDGE : 0);
        }
      }
      inverses.set(whitening(covariance, d), (first + p) * d * d);
      onProgress(first + p + 1, N, "positions");
      await pause();
    }
  }
  return inverses;
}

interface Values {
  channels: Float32Array<ArrayBuffer>;
  mean: Float32Array<ArrayBuffer>;
  inverses: Float32Array<ArrayBuffer>;
}

class Fitted implements FittedMethod {
  readonly settings: MethodSettings;
  #gpu: Gpu;
  #channels: Tensor<"u32">;
  #mean: Tensor;
  #wide: number;
  /** L⁻¹ of the positions from `first` on, as many as are bound at once: [positions, wide, wide]. */
  #pieces: { inverses: Tensor; first: number }[] = [];

  constructor(gpu: Gpu, settings: MethodSettings, { channels, mean, inverses }: Values) {
    const { H, W, padim_channels: d } = settings, N = H * W, wide = this.#wide = paddedChannels(d);
    this.#gpu = gpu;
    this.settings = settings;
    this.#channels = gpu.tensor(Uint32Array.from(channels));
    this.#mean = gpu.tensor(mean);
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

  score(features: Tensor, _: unknown, options: MapOptions): Promise<MethodScores> {
    checkFeatures(features, this.settings);
    const wide = this.#wide, [B, N] = features.shape;
    return scoreByMaps(this.#gpu, this.settings, options, (gpu) => {
      const x = centreChannels(gpu, features, this.#channels, this.#mean, wide);
      const white = gpu.empty(x.shape, "whitened features"), s = gpu.empty([B * N], "score maps");
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
    }, 1);
  }

  async state(): Promise<MethodState> {
    const { H, W, padim_channels: d } = this.settings, N = H * W, wide = this.#wide;
    const [channels, mean] = await this.#gpu.stream.read(this.#channels, this.#mean);
    const data = new Float32Array(N * d * d);
    for (const { inverses, first } of this.#pieces) {
      const padded = await this.#gpu.read(inverses);
      for (let row = 0; row < inverses.shape[0] * d; row++) {
        const from = (Math.floor(row / d) * wide + row % d) * wide;
        data.set(padded.subarray(from, from + d), (first * d + row) * d);
      }
    }
    const tensors = new Map<string, HostTensor>([
      ["channels", { shape: [d], data: Float32Array.from(channels) }],
      ["mean", { shape: [N, d], data: mean }],
      ["whitening", { shape: [N, d, d], data }],
    ]);
    return { settings: this.settings, tensors };
  }

  release(): void {
    for (const tensor of [this.#channels, this.#mean, ...this.#pieces.map(({ inverses }) => inverses)]) {
      this.#gpu.release(tensor);
    }
  }
}
