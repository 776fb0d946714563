/**
 * `spade` (Cohen and Hoshen 2020, arXiv 2005.02357): an image's score is the mean Euclidean distance of its pooled features
 * to those of the K nearest training images; a position's is the distance to the nearest feature at any position of these.
 *
 * A model file has `bank` [images · N, C] and `bank_mean` [C], `pooled` [images, P] and `pooled_mean` [P]; both less their
 * means.
 *
 * @module
 */
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Bank } from "../bank.ts";
import { mapsOf } from "../maps.ts";
import {
  checkFeatures,
  checkPooled,
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
export const spade: Method = {
  pooled: true,
  maps: true,
  imageScore: false,
  async fit(gpu, images, settings, onProgress, signal) {
    const { features } = images, { C, H, W } = settings;
    const pooled = checkPooled(images.pooled, features.length), P = pooled[0].length;
    requireRoom(gpu, settings, features.length, { pooled: P });
    const onArray = (done: number) => onProgress?.(done, features.length, "images");
    const patches = await Bank.of(gpu, features, C, H * W, onArray, signal);
    return new Fitted(gpu, settings, patches, await Bank.of(gpu, pooled, P), P);
  },
  async open(gpu, state) {
    const { C, H, W } = state.settings, pooled = tensorOf(state, "pooled", [0, 0]), P = pooled.shape[1];
    const rows = tensorOf(state, "bank", [pooled.shape[0] * H * W, C]),
      mean = tensorOf(state, "bank_mean", [C]);
    const pooledMean = tensorOf(state, "pooled_mean", [P]);
    const patches = await Bank.open(gpu, { rows, mean }, H * W);
    return new Fitted(
      gpu,
      state.settings,
      patches,
      await Bank.open(gpu, { rows: pooled, mean: pooledMean }),
      P,
    );
  },
};

class Fitted implements FittedMethod {
  readonly settings: MethodSettings;
  #gpu: Gpu;
  #patches: Bank;
  #images: Bank;
  #P: number;

  constructor(gpu: Gpu, settings: MethodSettings, patches: Bank, images: Bank, P: number) {
    this.#gpu = gpu;
    this.settings = settings;
    this.#patches = patches;
    this.#images = images;
    this.#P = P;
  }

  score(
    features: Tensor,
    pooled: readonly Float32Array[] | undefined,
    { image_size }: MapOptions,
  ): Promise<MethodScores> {
    checkFeatures(features, this.settings);
    const patches = this.#patches, images = this.#images, { H, W } = this.settings;
    const [B, N] = [features.shape[0], H * W], K = Math.min(this.settings.neighbours, images.rows);
    const whole = Float32Array.from(checkPooled(pooled, B).flatMap((values) => [...values]));
    return this.#gpu.step(async (gpu) => {
      const found = images.nearest(gpu, images.centre(gpu, gpu.tensor(whole, [B, this.#P])), K);
      const [d, slots] = await gpu.stream.read(found.distances, found.slots);
      const neighbours = [...slots].map((slot) => images.rowOf(slot));

      const all = patches.centre(gpu, features), wide = all.shape[1], s = gpu.empty([B * N], "score maps");
      for (let b = 0; b < B; b++) {
        const queries = gpu.empty([N, wide], "an image's features");
        gpu.stream.copy(all.part(b * N * wide, [N, wide]), queries);
        // In their order in the bank, so that the first of equals is too.
        const gallery = neighbours.slice(b * K, (b + 1) * K).sort((i, j) => i - j);
        const nearest = patches.nearest(gpu, queries, 1, gallery);
        gpu.stream.copy(nearest.distances, s.part(b * N, [N, 1]));
        for (const tensor of [queries, nearest.distances, nearest.slots]) gpu.release(tensor);
      }
      const maps = await gpu.read(mapsOf(gpu, s, this.settings, image_size));
      const scores = Float32Array.from(
        { length: B },
        (_, b) => d.subarray(b * K, (b + 1) * K).reduce((sum, distance) => sum + distance, 0) / K,
      );
      return { maps, scores };
    });
  }

  async state(): Promise<MethodState> {
    const bank = await this.#patches.read(), pooled = await this.#images.read();
    const tensors = new Map([
      ["bank", bank.rows],
      ["bank_mean", bank.mean],
      ["pooled", pooled.rows],
      ["pooled_mean", pooled.mean],
    ]);
    return { settings: this.settings, tensors };
  }

  release(): void {
    this.#patches.release();
    this.#images.release();
  }
}
