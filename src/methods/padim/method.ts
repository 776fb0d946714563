/**
 * `padim` (Defard et al. 2020, arXiv 2011.08785): at each position a Gaussian over d randomly chosen channels, from all
 * training images, with 0.01 on its covariance's diagonal; a position's score is the Mahalanobis distance ‖L⁻¹ (x − μ)‖,
 * Σ = L Lᵀ, and an image's the maximum of its smoothed map.
 *
 * A model file has `channels` [d], `mean` μ [N, d] and `whitening` L⁻¹ [N, d, d], lower triangular.
 *
 * @module
 */
import { SettingError } from "../../errors.ts";
import type { HostTensor } from "../../optim/parameters.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { gemm } from "../../kernels/dense/gemm.ts";
import { norms } from "../../kernels/rows/squares.ts";
import { centreChannels } from "../../kernels/norm/standardise.ts";
import { paddedChannels } from "../../model/adtr.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { whitening } from "../../model/whitening.ts";
import { Random } from "../../hash.ts";
import { levelsOf } from "../levels.ts";
import { scoreByMaps } from "../maps.ts";
import { meanOf } from "../mean.ts";
import {
  checkFeatures,
  type Fitted,
  type Method,
  type Run,
  type Scores,
  type ScoreSettings,
  type State,
  tensorOf,
} from "../method.ts";
import { modelReader, SIZES } from "../model.ts";
import { whole } from "../settings.ts";
import { pauses } from "../pause.ts";

const RIDGE = 0.01; // ε of the paper

const MANY_CHANNELS = 1000; // from where as many are taken as the paper does of Wide ResNet-50's 1792

/** Its settings. */
export interface PadimSettings {
  /** d: channels that the Gaussians are over; 0: 100, or 550 where there are 1000 or more. */
  padim_channels: number;
}

/** Sizes of a model, d among them. */
type Sizes = FeatureSizes & { d: number };
const readModel = modelReader({ ...SIZES, d: SIZES.C });

/** The method. */
export const padim: Method<PadimSettings> = {
  name: "padim",
  about: "a Gaussian at each position (Defard et al. 2020)",
  settings: {
    padim_channels: {
      schema: whole(0),
      value: "D",
      help: "channels that the Gaussians are over; 0: 100, or 550 where there are 1000 or more",
    },
  },
  input: "features",
  pooled: false,
  maps: true,
  scoresByMap: true,
  seeded: true,
  readModel,
  defaults: ({ backbone }) => ({ padim_channels: 0, ...levelsOf(backbone), sigma: 4 }),
  needs({ padim_channels }, { images, C, H, W }) {
    const N = H * W, d = channelsOf(padim_channels, C);
    return {
      gpu: 4 * N * d * (d + 1) + 4 * images * N * d,
      host: 4 * N * d * (d + 1) + 8 * images * N * d,
      lower: ["padim_channels", "feature_size"],
    };
  },
  async learn(run) {
    const { C, H, W } = run.sizes, d = channelsOf(run.settings.padim_channels, C);
    const { features } = await run.images(), model = { C, H, W, d };
    const channels = new Random(run.settings.seed, "padim channels").permutation(C).subarray(0, d).toSorted();
    const chosen = await choose(features, C, channels, run.signal);
    const mean = await meanOf(chosen, chosen[0].length, run.signal);
    const inverses = await whitenings(run, chosen, mean, model);
    return new Model(run.gpu, model, { channels: Float32Array.from(channels), mean, inverses });
  },
  open(gpu, state) {
    const model = readModel(state.model), { C, H, W, d } = model, N = H * W;
    const [channels, mean, inverses] =
      ([["channels", [d]], ["mean", [N, d]], ["whitening", [N, d, d]]] as const)
        .map(([name, shape]) => tensorOf(state, name, shape).data);
    const other = channels.find((c) => !(Number.isInteger(c) && c >= 0 && c < C));
    if (other !== undefined) {
      throw new RangeError(`Expected channels from 0 to ${C - 1} in channels, but found ${other}`);
    }
    return Promise.resolve(new Model(gpu, model, { channels, mean, inverses }));
  },
};

/** @throws {SettingError} where there are not as many */
function channelsOf(asked: number, C: number): number {
  if (asked > C) {
    throw new SettingError(
      `Expected {padim_channels} to be a whole number of 1 to ${C}, the channels there are, but found ${asked}`,
    );
  }
  return asked || Math.min(C, C < MANY_CHANNELS ? 100 : 550);
}

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
  { gpu, onProgress, signal }: Run<PadimSettings>,
  chosen: readonly Float32Array[],
  mean: Float32Array,
  { H, W, d }: Sizes,
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

class Model implements Fitted {
  #model: Sizes;
  #gpu: Gpu;
  #channels: Tensor;
  #mean: Tensor;
  #wide: number;
  /** L⁻¹ of the positions from `first` on, as many as are bound at once: [positions, wide, wide]. */
  #pieces: { inverses: Tensor; first: number }[] = [];

  constructor(gpu: Gpu, model: Sizes, { channels, mean, inverses }: Values) {
    const { H, W, d } = model, N = H * W, wide = this.#wide = paddedChannels(d);
    this.#gpu = gpu;
    this.#model = model;
    this.#channels = gpu.tensor(new Float32Array(Uint32Array.from(channels).buffer));
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

  score(features: Tensor, _: unknown, settings: ScoreSettings): Promise<Scores> {
    checkFeatures(features, this.#model);
    const wide = this.#wide, [B, N] = features.shape;
    return scoreByMaps(this.#gpu, this.#model, settings, (gpu) => {
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

  async state(): Promise<State> {
    const { H, W, d } = this.#model, N = H * W, wide = this.#wide;
    const [bits, mean] = await this.#gpu.stream.read(this.#channels, this.#mean);
    const data = new Float32Array(N * d * d);
    for (const { inverses, first } of this.#pieces) {
      const padded = await this.#gpu.read(inverses);
      for (let row = 0; row < inverses.shape[0] * d; row++) {
        const from = (Math.floor(row / d) * wide + row % d) * wide;
        data.set(padded.subarray(from, from + d), (first * d + row) * d);
      }
    }
    const tensors = new Map<string, HostTensor>([
      ["channels", { shape: [d], data: Float32Array.from(new Uint32Array(bits.buffer)) }],
      ["mean", { shape: [N, d], data: mean }],
      ["whitening", { shape: [N, d, d], data }],
    ]);
    return { model: { ...this.#model }, tensors };
  }

  [Symbol.dispose](): void {
    for (const tensor of [this.#channels, this.#mean, ...this.#pieces.map(({ inverses }) => inverses)]) {
      this.#gpu.release(tensor);
    }
  }
}
