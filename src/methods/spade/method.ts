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
import type { FeatureSizes } from "../../model/batches.ts";
import { Bank, type HostBank } from "../bank.ts";
import { bankBytes } from "../slots.ts";
import { featureDefaults, isTuned } from "../feature_defaults.ts";
import { mapsOf, POOL, scoresOf } from "../maps.ts";
import {
  checkFeatures,
  checkPooled,
  type Fitted,
  type Method,
  type Scores,
  type ScoreSettings,
  type State,
  tensorOf,
} from "../method.ts";
import { modelReader, SIZES } from "../model.ts";
import { spadeOnnx } from "./onnx.ts";
import {
  IMAGE_RULES,
  type ImageRuleSettings,
  POOLED_RULES,
  type PooledSettings,
  whole,
} from "../settings.ts";

/** Its settings. */
export interface SpadeSettings extends PooledSettings, ImageRuleSettings {
  /** K: training images that an image is held against, at most as many as there are. */
  neighbours: number;
}

const MOST_NEIGHBOURS = 500; // each thread keeps that many distances
const readModel = modelReader(SIZES);

/** The method. */
export const spade: Method<SpadeSettings> = {
  name: "spade",
  about: "the nearest training images, and in them the nearest patches (Cohen and Hoshen 2020)",
  settings: {
    neighbours: {
      schema: whole(1, MOST_NEIGHBOURS),
      value: "K",
      help: "nearest training images that an image is held against",
      scoring: true,
    },
    ...POOLED_RULES,
    ...IMAGE_RULES,
  },
  input: "features",
  pooled: true,
  maps: true,
  seeded: false,
  readModel,
  defaults: (about) => ({
    neighbours: 50,
    image_rule: isTuned(about) ? "map" : "paper",
    pooled_levels: "last",
    ...featureDefaults(about, { sigma: 4, tuned: { components: 100 } }),
  }),
  needs: (_, { images, C, H, W, P }) => ({
    gpu: bankBytes(images * H * W, C, H * W) + bankBytes(images, P),
    host: 4 * images * (H * W * C + P),
    lower: ["feature_size"],
    or: "take fewer training images",
  }),
  async learn({ gpu, sizes: { C, H, W }, signal, ...run }) {
    const images = await run.images(), { features } = images;
    const pooled = checkPooled(images.pooled, features.length), P = pooled[0].length;
    const onArray = (done: number) => run.onProgress(done, features.length, "images");
    const patches = await Bank.of(gpu, features, C, H * W, onArray, signal);
    try {
      return new Model(gpu, { C, H, W }, patches, await Bank.of(gpu, pooled, P), P);
    } catch (error) {
      patches[Symbol.dispose]();
      throw error;
    }
  },
  async open(gpu, state) {
    const model = readModel(state.model), { H, W } = model, held = banksIn(state, model);
    const patches = await Bank.open(gpu, held.patches, H * W);
    try {
      return new Model(gpu, model, patches, await Bank.open(gpu, held.images), held.images.rows.shape[1]);
    } catch (error) {
      patches[Symbol.dispose]();
      throw error;
    }
  },
  onnx: (graph, state, x, settings) => {
    const model = readModel(state.model);
    return spadeOnnx(graph, model, banksIn(state, model, x.P), x, settings);
  },
};

/** The banks of patches and of whole images. @throws {RangeError} where they don't fit together */
function banksIn(
  state: State,
  { C, H, W }: FeatureSizes,
  width = 0,
): { patches: HostBank; images: HostBank } {
  const pooled = tensorOf(state, "pooled", [0, width]), [images, P] = pooled.shape;
  const rows = tensorOf(state, "bank", [images * H * W, C]), mean = tensorOf(state, "bank_mean", [C]);
  return { patches: { rows, mean }, images: { rows: pooled, mean: tensorOf(state, "pooled_mean", [P]) } };
}

class Model implements Fitted {
  #model: FeatureSizes;
  #gpu: Gpu;
  #patches: Bank;
  #images: Bank;
  readonly P: number;

  constructor(gpu: Gpu, model: FeatureSizes, patches: Bank, images: Bank, P: number) {
    this.#gpu = gpu;
    this.#model = model;
    this.#patches = patches;
    this.#images = images;
    this.P = P;
  }

  score(features: Tensor, pooled: readonly Float32Array[], settings: ScoreSettings): Promise<Scores> {
    checkFeatures(features, this.#model);
    const patches = this.#patches, images = this.#images, { H, W } = this.#model;
    const [B, N] = [features.shape[0], H * W], K = Math.min(settings.neighbours as number, images.rows);
    const whole = Float32Array.from(checkPooled(pooled, B).flatMap((values) => [...values]));
    return this.#gpu.step(async (gpu) => {
      const found = images.nearest(gpu, images.centre(gpu, gpu.tensor(whole, [B, this.P])), K);
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
      const made = mapsOf(gpu, s, this.#model, settings);
      if (settings.image_rule === "map") {
        const [maps, scores] = await gpu.stream.read(made, scoresOf(gpu, made, settings));
        return { maps, scores, window: POOL };
      }
      const maps = await gpu.read(made);
      const scores = Float32Array.from(
        { length: B },
        (_, b) => d.subarray(b * K, (b + 1) * K).reduce((sum, distance) => sum + distance, 0) / K,
      );
      return { maps, scores };
    });
  }

  async state(): Promise<State> {
    const bank = await this.#patches.read(), pooled = await this.#images.read();
    const tensors = new Map([
      ["bank", bank.rows],
      ["bank_mean", bank.mean],
      ["pooled", pooled.rows],
      ["pooled_mean", pooled.mean],
    ]);
    return { model: { ...this.#model }, tensors };
  }

  [Symbol.dispose](): void {
    this.#patches[Symbol.dispose]();
    this.#images[Symbol.dispose]();
  }
}
