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
import { centreChannels } from "../../kernels/norm/standardise.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { Random } from "../../hash.ts";
import { featureDefaults, isTuned } from "../feature_defaults.ts";
import { scoreByMaps } from "../maps.ts";
import { meanOf } from "../mean.ts";
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
import { padimOnnx } from "./onnx.ts";
import { atLeast0, whole } from "../settings.ts";
import { pauses } from "../pause.ts";
import { PositionGaussians, whitenings } from "../position_gaussians.ts";

const RIDGE = 0.01; // ε of the paper

const MANY_CHANNELS = 1000; // from where as many are taken as the paper does of Wide ResNet-50's 1792

/** Its settings. */
export interface PadimSettings {
  /** d: channels that the Gaussians are over; 0: 100, or 550 where there are 1000 or more. */
  padim_channels: number;
  /** Share of a position's mean variance that is added to its covariance's diagonal; 0: the paper's 0.01. */
  ridge: number;
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
    ridge: {
      schema: atLeast0,
      value: "X",
      help:
        "share of a position's mean variance that is added to its covariance's diagonal; 0: the paper's 0.01",
    },
  },
  input: "features",
  pooled: false,
  maps: true,
  seeded: true,
  positional: true,
  readModel,
  defaults: (about) => ({
    padim_channels: 0,
    ridge: isTuned(about) ? 0.1 : 0,
    ...featureDefaults(about, { sigma: 4, tuned: { components: 70 } }),
  }),
  needs({ padim_channels }, { images, C, H, W }) {
    const N = H * W, d = channelsOf(padim_channels, C);
    return {
      gpu: 4 * N * d * (d + 1) + 4 * images * N * d,
      host: 4 * N * d * (d + 1) + 8 * images * N * d,
      lower: ["padim_channels", "feature_size"],
    };
  },
  async learn(run) {
    const { C, H, W } = run.sizes,
      { padim_channels, ridge } = run.settings,
      d = channelsOf(padim_channels, C);
    const { features } = await run.images(), model = { C, H, W, d };
    const channels = new Random(run.settings.seed, "padim channels").permutation(C).subarray(0, d).toSorted();
    const chosen = await choose(features, C, channels, run.signal);
    const mean = await meanOf(chosen, chosen[0].length, run.signal);
    const inverses = await whitenings(run.gpu, chosen, mean, d, ridge > 0 ? { share: ridge } : RIDGE, run);
    return new Model(run.gpu, model, { channels: Float32Array.from(channels), mean, inverses });
  },
  open(gpu, state) {
    const model = readModel(state.model);
    return Promise.resolve(new Model(gpu, model, valuesIn(state, model)));
  },
  onnx: (graph, state, { features }, settings) => {
    const model = readModel(state.model);
    return padimOnnx(graph, model, valuesIn(state, model), features, settings);
  },
};

/** @throws {RangeError} where one is missing or of another shape, or there is no such channel */
function valuesIn(state: State, { C, H, W, d }: Sizes): Values {
  const N = H * W;
  const [channels, mean, inverses] =
    ([["channels", [d]], ["mean", [N, d]], ["whitening", [N, d, d]]] as const)
      .map(([name, shape]) => tensorOf(state, name, shape).data);
  const other = channels.find((c) => !(Number.isInteger(c) && c >= 0 && c < C));
  if (other !== undefined) {
    throw new RangeError(`Expected channels from 0 to ${C - 1} in channels, but found ${other}`);
  }
  return { channels, mean, inverses };
}

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

interface Values {
  channels: Float32Array<ArrayBuffer>;
  mean: Float32Array<ArrayBuffer>;
  inverses: Float32Array<ArrayBuffer>;
}

class Model implements Fitted {
  #model: Sizes;
  #gpu: Gpu;
  #channels: Tensor<"u32">;
  #mean: Tensor;
  #gaussians: PositionGaussians;

  constructor(gpu: Gpu, model: Sizes, { channels, mean, inverses }: Values) {
    this.#gpu = gpu;
    this.#model = model;
    this.#channels = gpu.tensor(Uint32Array.from(channels));
    this.#mean = gpu.tensor(mean);
    this.#gaussians = new PositionGaussians(gpu, inverses, model.d);
  }

  score(features: Tensor, _: unknown, settings: ScoreSettings): Promise<Scores> {
    checkFeatures(features, this.#model);
    return scoreByMaps(this.#gpu, this.#model, settings, (gpu) => {
      const { wide } = this.#gaussians;
      return this.#gaussians.distances(gpu, centreChannels(gpu, features, this.#channels, this.#mean, wide));
    }, 1);
  }

  async state(): Promise<State> {
    const { H, W, d } = this.#model, N = H * W;
    const [channels, mean] = await this.#gpu.stream.read(this.#channels, this.#mean);
    const tensors = new Map<string, HostTensor>([
      ["channels", { shape: [d], data: Float32Array.from(channels) }],
      ["mean", { shape: [N, d], data: mean }],
      ["whitening", { shape: [N, d, d], data: await this.#gaussians.read() }],
    ]);
    return { model: { ...this.#model }, tensors };
  }

  [Symbol.dispose](): void {
    for (const tensor of [this.#channels, this.#mean]) this.#gpu.release(tensor);
    this.#gaussians[Symbol.dispose]();
  }
}
