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
import { Bank } from "../bank.ts";
import { scoreByMaps } from "../maps.ts";
import {
  checkFeatures,
  type FittedMethod,
  type MapOptions,
  type Method,
  type MethodScores,
  type MethodSettings,
  type MethodState,
  tensorOf,
} from "../method.ts";
import { requireRoom } from "../room.ts";

/** The method. */
export const knn: Method = {
  pooled: false,
  maps: true,
  imageScore: true,
  async fit(gpu, { features }, settings, onProgress, signal) {
    requireRoom(gpu, settings, features.length);
    const onArray = (done: number) => onProgress?.(done, features.length, "images");
    return new Fitted(gpu, settings, await Bank.of(gpu, features, settings.C, 4, onArray, signal));
  },
  async open(gpu, state) {
    const { C } = state.settings;
    const rows = tensorOf(state, "bank", [0, C]), mean = tensorOf(state, "bank_mean", [C]);
    return new Fitted(gpu, state.settings, await Bank.open(gpu, { rows, mean }));
  },
};

class Fitted implements FittedMethod {
  readonly settings: MethodSettings;
  #gpu: Gpu;
  #bank: Bank;

  constructor(gpu: Gpu, settings: MethodSettings, bank: Bank) {
    this.#gpu = gpu;
    this.settings = settings;
    this.#bank = bank;
  }

  score(features: Tensor, _: unknown, options: MapOptions): Promise<MethodScores> {
    checkFeatures(features, this.settings);
    const distances = (gpu: Compute) =>
      this.#bank.nearest(gpu, this.#bank.centre(gpu, features), 1).distances;
    return scoreByMaps(this.#gpu, this.settings, options, distances);
  }

  async state(): Promise<MethodState> {
    const { rows, mean } = await this.#bank.read();
    return { settings: this.settings, tensors: new Map([["bank", rows], ["bank_mean", mean]]) };
  }

  release(): void {
    this.#bank.release();
  }
}
