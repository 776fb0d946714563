/**
 * `knn`: a position's score is the Euclidean distance to the nearest of all training patches, wherever in the image that was.
 *
 * A model file has `bank` [patches, C], less its mean, and `bank_mean` [C].
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { Bank, bankIn } from "../bank.ts";
import { bankBytes } from "../slots.ts";
import { featureDefaults } from "../feature_defaults.ts";
import { scoreByMaps } from "../maps.ts";
import {
  checkFeatures,
  type Fitted,
  type Method,
  type Scores,
  type ScoreSettings,
  type State,
} from "../method.ts";
import { modelReader, SIZES } from "../model.ts";
import { knnOnnx } from "./onnx.ts";

const readModel = modelReader(SIZES);

/** The method. */
export const knn: Method<Record<never, never>> = {
  name: "knn",
  about: "the distance to the nearest of all training patches",
  settings: {},
  input: "features",
  pooled: false,
  maps: true,
  seeded: false,
  readModel,
  defaults: (about) => featureDefaults(about, { tuned: { components: 100 } }),
  needs: (_, { images, C, H, W }) => ({
    gpu: bankBytes(images * H * W, C),
    host: 4 * images * H * W * C,
    lower: ["feature_size"],
    or: "take fewer training images; patchcore keeps a part of the bank",
  }),
  async learn(run) {
    const { features } = await run.images(), { C, H, W } = run.sizes;
    const onArray = (done: number) => run.onProgress(done, features.length, "images");
    return new Model(run.gpu, { C, H, W }, await Bank.of(run.gpu, features, C, 4, onArray, run.signal));
  },
  async open(gpu, state) {
    const model = readModel(state.model);
    return new Model(gpu, model, await Bank.fromState(gpu, state, model.C));
  },
  onnx: (graph, state, { features }, settings) => {
    const model = readModel(state.model);
    return knnOnnx(graph, model, bankIn(state, model.C), features, settings);
  },
};

class Model implements Fitted {
  #model: FeatureSizes;
  #gpu: Gpu;
  #bank: Bank;

  constructor(gpu: Gpu, model: FeatureSizes, bank: Bank) {
    this.#gpu = gpu;
    this.#model = model;
    this.#bank = bank;
  }

  score(features: Tensor, _: unknown, settings: ScoreSettings): Promise<Scores> {
    checkFeatures(features, this.#model);
    const distances = (gpu: Compute) =>
      this.#bank.nearest(gpu, this.#bank.centre(gpu, features), 1).distances;
    return scoreByMaps(this.#gpu, this.#model, settings, distances);
  }

  async state(): Promise<State> {
    return { model: { ...this.#model }, tensors: await this.#bank.tensors() };
  }

  [Symbol.dispose](): void {
    this.#bank[Symbol.dispose]();
  }
}
