/**
 * Pixels beside features, for a method that looks at both: they are those that its features are of, in training sets of
 * every kind, from the cache, held out, cut into tiles and scored.
 *
 * @module
 */
import "../methods/student.ts"; // the method, first
import { deepEqual, equal, notEqual, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import type { FrameSettings } from "../../src/data/frame.ts";
import type { Image, Mask } from "../../src/data/image.ts";
import { loadImage } from "../../src/data/load.ts";
import { InputError } from "../../src/errors.ts";
import { Random } from "../../src/hash.ts";
import type { Fitted } from "../../src/methods/method.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import type { Settings, Value } from "../../src/methods/settings.ts";
import type { WeightFile } from "../../src/formats/weight_file.ts";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import {
  extractPieces,
  type FeatureSource,
  inUnit,
  pixelFeatures,
  sourceFor,
} from "../../src/score/features.ts";
import { openModelBytes } from "../../src/score/open_model.ts";
import { scoreImages } from "../../src/score/score.ts";
import { learn } from "../../src/train/learn.ts";
import { memoryData, train } from "../../src/train/train.ts";
import { openTrainingSet, type TrainingData } from "../../src/train/training_set.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { tinySettings, tinySource } from "./tiny.ts";

const S = 32, H = 4;

/** Noise; a dark square in it where asked. */
function noise(seed: number, width = S, height = S, isMarked = false): Image {
  const random = new Random(seed, "both"), data = new Uint8Array(3 * width * height);
  for (let i = 0; i < data.length; i++) data[i] = 100 + 155 * random.uniform();
  if (isMarked) markOf(width, height).data.forEach((on, i) => on && data.fill(0, 3 * i, 3 * i + 3));
  return { width, height, data };
}

function markOf(width: number, height: number): Mask {
  const isMarked = (i: number) => i % width < 12 && i / width < 12;
  return { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => Number(isMarked(i))) };
}

const seeds = [0, 1, 2, 3, 4, 5];
const data = memoryData({
  normal: seeds.map((seed) => noise(seed)),
  anomalous: [{ image: noise(10, S, S, true), mask: markOf(S, S) }],
  test: [20, 21, 22].map((seed) => ({ image: noise(seed, S, S, seed === 22), label: seed === 22 ? 1 : 0 })),
});
const paths = data.category.test.map(({ path }) => path), { train: normal } = data.category;

/** A source, and how many images went through its backbone. */
function source(): FeatureSource & { computed: number } {
  const { backbone, ...others } = tinySource(gpu);
  const counted = { ...others, images: data.images, pixels: true, computed: 0 };
  const features: typeof backbone.features = (on, images, batch, ...rest) => {
    counted.computed += batch;
    return backbone.features(on, images, batch, ...rest);
  };
  return Object.assign(counted, { backbone: { ...backbone, features } });
}

/** The features that pixels in 0..1 have. */
async function featuresOf(pixels: Float32Array, of: FeatureSource): Promise<Float32Array> {
  return (await pixelFeatures(of, [Uint8Array.from(pixels, (v) => Math.round(255 * v))], false))[0];
}

const KINDS: Record<string, Partial<TrainingData>> = {
  "normal images": { labels: null },
  "labelled images": { labels: "pixels", anomalous: data.category.anomalous },
  "synthetic anomalies": { labels: "pixels", anomalous: [] },
  "a pool of synthetic anomalies": { labels: "pixels", anomalous: [], anomaly_pool: 3 },
  "irrelevant images": { labels: "images", anomalous: [], outliers: paths },
};

for (const [kind, wanted] of Object.entries(KINDS)) {
  Deno.test(`training sets of ${kind} have the pixels that their features are of, or none`, async () => {
    const options = { labels: null, batch_size: 4, shuffle: true, seed: 3, anomalous: [], outliers: [] };
    const from = source(), set = await openTrainingSet({ ...options, ...wanted, source: from, normal });
    equal(set.pixels?.length, set.normal.length);
    for (const [i, pixels] of set.pixels!.entries()) {
      deepEqual(pixels, inUnit(await loadImage(data.images, normal[i], S)));
    }
    const labels = new Set<number>();
    for (let step = 0; step < 2 * set.steps; step++) {
      for (const { features, pixels, label } of await set.batch(step)) {
        equal(pixels?.length, S * S * 3);
        deepEqual(features, await featuresOf(pixels!, from));
        labels.add(Math.max(...label));
      }
    }
    equal(labels.size, wanted.labels === null ? 1 : 2);
    const without = await openTrainingSet({
      ...options,
      ...wanted,
      source: { ...from, pixels: false },
      normal,
    });
    equal(without.pixels, undefined);
    ok((await without.batch(0)).every(({ pixels }) => pixels === undefined));
    notEqual(without.sha256, set.sha256);
  });
}

Deno.test("labels by position are as many as pixels, where these are the features", async () => {
  const from = { ...source(), backbone: null, pixels: false };
  for (const anomalous of [[], data.category.anomalous]) {
    const set = await openTrainingSet({
      ...{ labels: "pixels", batch_size: 4, shuffle: false, seed: 3, outliers: [], source: from },
      normal,
      anomalous,
    });
    const samples = (await Promise.all([0, 1].map((step) => set.batch(step)))).flat();
    ok(samples.every(({ features, label }) => features.length === 3 * S * S && label.length === S * S));
    ok(samples.some(({ label }) => label.includes(1)));
  }
});

Deno.test("what the cache has is decoded all the same, and pixels are not kept there", () =>
  inFolder(async (folder) => {
    const puts: number[] = [], kept = new FeatureCache(join(folder, "cache"));
    const cache = {
      get: (key: string) => kept.get(key),
      put: (key: string, values: Float32Array<ArrayBuffer>) => {
        puts.push(values.length);
        return kept.put(key, values);
      },
    };
    const from = Object.assign(source(), { cache }), first = await extractPieces(from, normal);
    const again = await extractPieces(from, normal);
    deepEqual(again, first);
    equal(from.computed, normal.length);
    deepEqual(new Set(puts), new Set([first[0].values.length]));
    const { pixels: _, ...plain } = first[0];
    deepEqual(await extractPieces({ ...from, pixels: false }, normal.slice(0, 1)), [{
      ...plain,
      pixels: undefined,
    }]);
    const images = { ...from.images, open: broken(from.images) };
    equal((await extractPieces({ ...from, images, pixels: false }, normal)).length, normal.length);
    await rejects(extractPieces({ ...from, images }, normal), { name: "InputError", message: "broken" });
  }));

/** Images that are known by their bytes, but can't be decoded. */
function broken(images: FeatureSource["images"]): FeatureSource["images"]["open"] {
  return async (name) => ({
    ...await images.open(name),
    size: async () => await (await images.open(name)).size(),
    decode: () => Promise.reject(new InputError("broken")),
  });
}

const WAYS: Record<string, Partial<FrameSettings>> = {
  whole: {},
  tiles: { tiles: 32, overlap: 8 },
  "a region of interest, padded": { roi: "10%,10%,80%,60%", fit: "pad" },
};

for (const [way, looked] of Object.entries(WAYS)) {
  Deno.test(`${way}: trained, held out, stored and scored with the pixels that features are of`, async () => {
    const method = methodNamed("student"), isCut = looked.tiles !== undefined, side = isCut ? 48 : S;
    const normal = seeds.map((seed) => noise(seed, side, side - 4));
    const settings = {
      backbone: "gabor",
      image_size: S,
      feature_size: H,
      folds: 2,
      components: 6,
      ...looked,
    };
    const before = gpu.memory.stats().inUse;
    {
      using model = await train(gpu, { data: normal, method: method.name, settings });
      equal(model.heldOut?.scores.length, normal.length);
      const image = noise(30, side, side - 4, true), verdict = await model.score(image);
      ok(Number.isFinite(verdict.score));
      using again = await openModelBytes(gpu, await model.toBytes(), {
        images: memoryData({ normal: [image] }).images,
      });
      deepEqual(await again.score(image), verdict);

      // The pixels that the method is given have the features that it is given.
      let pieces = 0;
      const fitted: Pick<Fitted, "score"> = {
        async score(features, pooled, settings, pixels) {
          const of = await gpu.read(features), seen = await gpu.read(pixels!), [B] = features.shape;
          for (let i = 0; i < B; i++, pieces++) {
            const length = of.length / B, area = 3 * S * S;
            const wanted = await featuresOf(seen.subarray(i * area, (i + 1) * area), again.source);
            deepEqual(of.subarray(i * length, (i + 1) * length), wanted);
          }
          return await again.fitted.score(features, pooled, settings, pixels);
        },
      };
      const [scored] = await Array.fromAsync(scoreImages({ ...scorerOf(again), fitted }, ["normal 0"]));
      equal(scored.score, verdict.score);
      equal(pieces > 1, isCut);
    }
    equal(gpu.memory.stats().inUse, before);
  });
}

const scorerOf = ({ source, method, settings, decision }: Awaited<ReturnType<typeof train>>) => ({
  source,
  method,
  settings,
  decision,
});

Deno.test("memory that pixels take is counted", async () => {
  const settings = tinySettings<Record<string, Value>>({ method: "student" }, "demo");
  const own = 4 * normal.length * (S * S * 3 + H * H * tinySource(gpu).backbone.channels);
  const needs = methodNamed("student").needs(settings, {
    images: normal.length,
    ...{ C: tinySource(gpu).backbone.channels, H, W: H, P: 0, S, levels: [] },
  });
  const all = own + needs.host + (gpu.profile.kind === "software" ? needs.gpu : 0);
  const from = sourceFor({ ...source(), pixels: undefined }, methodNamed("student"));
  const learned = (available: number) =>
    learn({ source: from, category: data.category, settings, available: () => available });
  await rejects(learned(all - 1), { name: "SettingError", kind: "memory" });
  (await learned(all))![Symbol.dispose]();
});

Deno.test("what is made of features, and weights of a backbone, are refused of a method that looks at pixels only", async () => {
  for (const change of [{ components: 2 }, { feature_length: "unit" }] as Partial<Settings>[]) {
    const [[name, value]] = Object.entries(change);
    throws(() => tinySettings({ method: "ae", ...change }, "demo"), {
      name: "SettingError",
      message: `Expected no ${name} with method ae, which looks at pixels, but found ${value}`,
    });
  }
  const weights = { path: "w.pth" } as WeightFile,
    refused = {
      name: "InputError",
      message: "Expected no weight file for ae, which looks at pixels, but found w.pth",
    };
  const settings: Partial<Settings> = { image_size: 32, epochs: 1, folds: 0 };
  await rejects(train(gpu, { data: [noise(1)], method: "ae", settings, weights }), refused);
  using model = await train(gpu, { data: [noise(1)], method: "ae", settings });
  await rejects(openModelBytes(gpu, await model.toBytes(), { weights }), refused);
});
