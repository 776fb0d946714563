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
import type { Compute } from "../../gpu/compute.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { neighbourhoodMean } from "../../kernels/conv/neighbourhood.ts";
import { gather } from "../../kernels/search/neighbours.ts";
import { standardise } from "../../kernels/norm/standardise.ts";
import { paddedChannels } from "../../model/layout.ts";
import { batches, type FeatureSizes } from "../../model/batches.ts";
import { Bank, bankIn } from "../bank.ts";
import { bankBytes } from "../slots.ts";
import { coresetRows, PROJECTED, selectCoreset } from "./coreset.ts";
import { featureDefaults, isTuned } from "../feature_defaults.ts";
import { mapsOf, scoreByMaps } from "../maps.ts";
import { meanOf } from "../mean.ts";
import {
  checkFeatures,
  type Fitted,
  type Method,
  type Scores,
  type ScoreSettings,
  type State,
} from "../method.ts";
import { modelReader, SIZES } from "../model.ts";
import { IMAGE_RULES, type ImageRuleSettings, real } from "../settings.ts";
import { batchSize } from "../batch_size.ts";
import { patchcoreOnnx } from "./onnx.ts";

const NEIGHBOURS = 9; // b of the paper

/** Its settings. */
export interface PatchcoreSettings extends ImageRuleSettings {
  /** The share of all training patches that is kept, above 0 and at most 1. */
  coreset: number;
  /** Side of the neighbourhood that a patch is the mean of; 1 leaves features alone. */
  patch: 1 | 3;
}

const PATCH = real("1 or 3", (x) => x === 1 || x === 3);

/** Sizes of a model, and of its patches. */
type Sizes = FeatureSizes & { patch: number };
const readModel = modelReader({ ...SIZES, patch: PATCH });

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
    patch: { schema: PATCH, value: "P", help: "side of the neighbourhood that a patch is the mean of: 1, 3" },
    ...IMAGE_RULES,
  },
  input: "features",
  pooled: false,
  maps: true,
  seeded: true,
  readModel,
  defaults: (about) => ({
    coreset: 0.1,
    patch: isTuned(about) ? 1 : 3,
    image_rule: isTuned(about) ? "map" : "paper",
    ...featureDefaults(about, { resnet: "2,3", sigma: 4, tuned: { feature_size: 16, components: 100 } }),
  }),
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
  async learn({ gpu, settings: { coreset, patch, seed }, sizes: { C, H, W }, signal, ...run }) {
    const { features } = await run.images(), N = H * W, rows = features.length * N;
    const wide = paddedChannels(C), size = batchSize(gpu, N, wide), wanted = coresetRows(rows, coreset);
    const mean = gpu.tensor(await meanOf(features, C, signal)),
      ones = gpu.tensor(new Float32Array(C).fill(1));
    const patchBatches = async function* () {
      for (const x of batches(gpu, features, { C, H, W }, size)) {
        const patches = pooled(gpu, x, { H, W, patch }), rows = patches.shape[0] * N;
        const centred = standardise(gpu, patches.view([rows, 1, C]), mean, ones, wide);
        if (patches !== x) gpu.release(patches);
        try {
          yield centred.view([rows, wide]);
        } finally {
          gpu.release(centred);
        }
        signal?.throwIfAborted();
      }
    };
    const sizes = { rows, batchRows: size * N, C, wide };
    const onPick = (done: number) => run.onProgress(done, wanted, "patches");
    try {
      const picks = await selectCoreset(gpu, patchBatches(), sizes, wanted, seed, onPick, signal);
      const bank = await Bank.of(gpu, [await patchesOf(gpu, features, { C, H, W, patch }, picks, size)], C);
      return new Model(gpu, { C, H, W, patch }, bank);
    } finally {
      gpu.release(mean);
      gpu.release(ones);
    }
  },
  async open(gpu, state) {
    const model = readModel(state.model);
    return new Model(gpu, model, await Bank.fromState(gpu, state, model.C));
  },
  onnx: (graph, state, { features }, settings) => {
    const model = readModel(state.model);
    return patchcoreOnnx(
      graph,
      { ...model, neighbours: NEIGHBOURS },
      bankIn(state, model.C),
      features,
      settings,
    );
  },
};

/** The picked patches, [picks, C], in the order of the images. */
async function patchesOf(
  gpu: Gpu,
  features: readonly Float32Array<ArrayBuffer>[],
  { C, H, W, patch }: Sizes,
  picks: Uint32Array,
  size: number,
): Promise<Float32Array> {
  const sorted = picks.toSorted(), picked = new Float32Array(picks.length * C), batchRows = size * H * W;
  let at = 0, first = 0;
  for (const x of batches(gpu, features, { C, H, W }, size)) {
    if (sorted[at] < first + batchRows) {
      const values = await gpu.step((gpu) => gpu.read(pooled(gpu, x, { H, W, patch })));
      for (; sorted[at] < first + batchRows; at++) {
        const row = (sorted[at] - first) * C;
        picked.set(values.subarray(row, row + C), at * C);
      }
    }
    first += batchRows;
  }
  return picked;
}

/** Features as patches: means of their neighbourhoods, or themselves. */
function pooled(gpu: Compute, x: Tensor, { H, W, patch }: Pick<Sizes, "H" | "W" | "patch">): Tensor {
  return patch === 1 ? x : neighbourhoodMean(gpu, x, H, W);
}

class Model implements Fitted {
  #model: Sizes;
  #gpu: Gpu;
  #bank: Bank;

  constructor(gpu: Gpu, model: Sizes, bank: Bank) {
    this.#gpu = gpu;
    this.#model = model;
    this.#bank = bank;
  }

  score(features: Tensor, _: unknown, settings: ScoreSettings): Promise<Scores> {
    checkFeatures(features, this.#model);
    const bank = this.#bank, { H, W } = this.#model, N = H * W, [B] = features.shape;
    if (settings.image_rule === "map") {
      return scoreByMaps(this.#gpu, this.#model, settings, (gpu) => {
        const patches = bank.centre(gpu, pooled(gpu, features, this.#model));
        return bank.nearest(gpu, patches, 1).distances;
      });
    }
    return this.#gpu.step(async (gpu) => {
      const patches = bank.centre(gpu, pooled(gpu, features, this.#model));
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
    return { model: { ...this.#model }, tensors: await this.#bank.tensors() };
  }

  [Symbol.dispose](): void {
    this.#bank[Symbol.dispose]();
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
