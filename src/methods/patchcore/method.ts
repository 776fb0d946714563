/**
 * `patchcore` (Roth et al. 2022, arXiv 2106.08265): the bank is a coreset of patches, each the mean of its 3×3
 * neighbourhood; a position's score is the distance to the nearest of them, and an image's that of its farthest
 * patch m, weighted (Eq. 6, 7) by how the nearest m* stands among its own nine nearest N(m*) in the bank, itself counted:
 *
 *     s* = ‖m − m*‖     s = (1 − exp(s*) / Σ_{n in N(m*)} exp ‖m − n‖) · s*
 *
 * A bank of one patch has nothing to weigh by: there s = s*. A model file has `bank` [patches, C], less its mean, and
 * `bank_mean` [C].
 *
 * @module
 */
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { neighbourhoodMean } from "../../kernels/conv/neighbourhood.ts";
import { gather } from "../../kernels/search/neighbours.ts";
import { standardise } from "../../kernels/norm/standardise.ts";
import { paddedChannels } from "../../model/adtr.ts";
import { batches, type FeatureSizes } from "../../model/batches.ts";
import { Bank } from "../bank.ts";
import { bankBytes } from "../slots.ts";
import { coresetRows, PROJECTED, selectCoreset } from "./coreset.ts";
import { levelsOf } from "../levels.ts";
import { mapsOf } from "../maps.ts";
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
import { real } from "../settings.ts";
import { batchSize } from "../upload.ts";

const NEIGHBOURS = 9; // b of the paper

/** Its settings. */
export interface PatchcoreSettings {
  /** The share of all training patches that is kept, above 0 and at most 1. */
  coreset: number;
}

const readModel = modelReader(SIZES);

/** The method. */
export const patchcore: Method<PatchcoreSettings> = {
  name: "patchcore",
  about: "the distance to the nearest of a coreset of patches (Roth et al. 2022)",
  settings: {
    coreset: {
      schema: real("a number above 0 and at most 1", (x) => x > 0 && x <= 1),
      value: "X",
      help: "share of the training patches that is kept",
    },
  },
  input: "features",
  pooled: false,
  maps: true,
  scoresByMap: false,
  seeded: true,
  readModel,
  defaults: ({ backbone }) => ({ coreset: 0.1, ...levelsOf(backbone, "2,3"), sigma: 4 }),
  needs({ coreset }, { images, C, H, W }) {
    const rows = images * H * W, kept = coresetRows(rows, coreset);
    const points = 4 * rows * (Math.min(C, PROJECTED) + 1);
    return {
      gpu: Math.max(points, bankBytes(kept, C)),
      host: 8 * kept * C,
      lower: ["coreset", "feature_size"],
      or: "take fewer training images",
    };
  },
  async learn({ gpu, settings: { coreset, seed }, sizes: { C, H, W }, signal, ...run }) {
    const { features } = await run.images(), N = H * W, rows = features.length * N;
    const wide = paddedChannels(C), size = batchSize(gpu, N, wide), wanted = coresetRows(rows, coreset);
    const mean = gpu.tensor(await meanOf(features, C, signal)),
      ones = gpu.tensor(new Float32Array(C).fill(1));
    const patchBatches = async function* () {
      for (const x of batches(gpu, features, { C, H, W }, size)) {
        const patches = neighbourhoodMean(gpu, x, H, W), rows = patches.shape[0] * N;
        yield standardise(gpu, patches.view([rows, 1, C]), mean, ones, wide).view([rows, wide]);
        for (const tensor of [x, patches]) gpu.release(tensor);
        signal?.throwIfAborted();
      }
    };
    const sizes = { rows, batchRows: size * N, C, wide };
    const onPick = (done: number) => run.onProgress(done, wanted, "patches");
    try {
      const picks = await selectCoreset(gpu, patchBatches(), sizes, wanted, seed, onPick, signal);
      const bank = await Bank.of(gpu, [await patchesOf(gpu, features, { C, H, W }, picks, size)], C);
      return new Model(gpu, { C, H, W }, bank);
    } finally {
      gpu.release(mean);
      gpu.release(ones);
    }
  },
  async open(gpu, state) {
    const model = readModel(state.model), { C } = model;
    const rows = tensorOf(state, "bank", [0, C]), mean = tensorOf(state, "bank_mean", [C]);
    return new Model(gpu, model, await Bank.open(gpu, { rows, mean }));
  },
};

/** The picked patches, [picks, C], in the order of the images. */
async function patchesOf(
  gpu: Gpu,
  features: readonly Float32Array[],
  { C, H, W }: FeatureSizes,
  picks: Uint32Array,
  size: number,
): Promise<Float32Array> {
  const sorted = picks.toSorted(), patches = new Float32Array(picks.length * C), batchRows = size * H * W;
  let at = 0, first = 0;
  for (const x of batches(gpu, features, { C, H, W }, size)) {
    if (sorted[at] < first + batchRows) {
      const pooled = neighbourhoodMean(gpu, x, H, W), values = await gpu.read(pooled);
      gpu.release(pooled);
      for (; sorted[at] < first + batchRows; at++) {
        const row = (sorted[at] - first) * C;
        patches.set(values.subarray(row, row + C), at * C);
      }
    }
    gpu.release(x);
    first += batchRows;
  }
  return patches;
}

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
    const bank = this.#bank, { H, W } = this.#model, N = H * W, [B] = features.shape;
    return this.#gpu.step(async (gpu) => {
      const patches = bank.centre(gpu, neighbourhoodMean(gpu, features, H, W));
      const { distances, slots } = bank.nearest(gpu, patches, 1);
      const maps = mapsOf(gpu, distances, this.#model, settings);
      const [d, nearest] = await gpu.stream.read(distances, slots);

      const farthest = Uint32Array.from(
        { length: B },
        (_, b) => b * N + largest(d.subarray(b * N, (b + 1) * N)),
      );
      const stars = bank.gather(gpu, gpu.tensor(farthest.map((row) => nearest[row])));
      const others = bank.nearest(gpu, stars, Math.min(NEIGHBOURS, bank.rows)).slots;
      const m = gather(gpu, [{ values: patches, first: 0 }], gpu.tensor(farthest));
      const [squares, map] = await gpu.stream.read(bank.squaredDistances(gpu, m, others), maps);
      const b = squares.length / B;
      const scores = Float32Array.from(
        farthest,
        (row, image) => weighted(d[row], squares.subarray(image * b, (image + 1) * b)),
      );
      return { maps: map, scores };
    });
  }

  async state(): Promise<State> {
    const { rows, mean } = await this.#bank.read();
    return { model: { ...this.#model }, tensors: new Map([["bank", rows], ["bank_mean", mean]]) };
  }

  [Symbol.dispose](): void {
    this.#bank.release();
  }
}

/** Where the largest value is; the first of equals. */
function largest(values: Float32Array): number {
  return values.reduce((best, value, i) => value > values[best] ? i : best, 0);
}

/** The image's score from s* and the squared distances of m to m*'s neighbours. */
function weighted(s: number, squares: Float32Array): number {
  if (squares.length === 1) return s;
  return (1 - 1 / squares.reduce((sum, square) => sum + Math.exp(Math.sqrt(square) - s), 0)) * s;
}
