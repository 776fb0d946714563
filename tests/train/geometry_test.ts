/**
 * Training, scoring and evaluating with every way to look at images: what a model learned with is what it scores with.
 *
 * @module
 */
import { deepEqual, equal, match, notEqual, ok, rejects, throws } from "node:assert/strict";
import type { FrameSettings } from "../../src/data/frame.ts";
import type { Image, Mask } from "../../src/data/image.ts";
import { roiOfMask } from "../../src/data/roi.ts";
import { Random } from "../../src/hash.ts";
import { parseModel } from "../../src/methods/model_file.ts";
import { resolveSettings } from "../../src/methods/resolve.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { evaluateCategory, evidenceOf } from "../../src/score/evaluate.ts";
import { extractFeatures, type FeatureStore } from "../../src/score/features.ts";
import { Model } from "../../src/score/model.ts";
import { exportOnnx } from "../../src/score/onnx.ts";
import { openModelBytes } from "../../src/score/open_model.ts";
import { scoreImages } from "../../src/score/score.ts";
import { decisionBy } from "../../src/score/threshold.ts";
import { learn } from "../../src/train/learn.ts";
import { memoryData, train } from "../../src/train/train.ts";
import { gpu } from "../gpu.ts";
import { tinySource } from "./tiny.ts";

/** Grey with noise; a bright spot in it where asked. */
function grey(seed: number, width = 56, height = 40, spot?: { x: number; y: number }): Image {
  const random = new Random(seed, "grey"), data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const x = i % width, y = Math.floor(i / width), isSpot = spot && Math.hypot(x - spot.x, y - spot.y) < 4;
    data.fill(isSpot ? 255 : 90 + 30 * random.uniform(), 3 * i, 3 * i + 3);
  }
  return { width, height, data };
}

const maskOf = ({ width, height }: Image, spot: { x: number; y: number }): Mask => ({
  width,
  height,
  data: Uint8Array.from(
    { length: width * height },
    (_, i) => Math.hypot(i % width - spot.x, Math.floor(i / width) - spot.y) < 4 ? 1 : 0,
  ),
});

const SPOT = { x: 30, y: 22 };
const normal = Array.from({ length: 6 }, (_, i) => grey(i, 56 + i % 2 * 8, 40 + i % 2 * 8));
const test = [
  { image: grey(20), label: 0 as const },
  { image: grey(21, 64, 48), label: 0 as const },
  { image: grey(22, 56, 40, SPOT), label: 1 as const, mask: maskOf(grey(22), SPOT) },
  { image: grey(23, 64, 48, SPOT), label: 1 as const, mask: maskOf(grey(23, 64, 48), SPOT) },
];
const data = memoryData({ normal, test });

const disc = Uint8Array.from(
  { length: 28 * 20 },
  (_, i) => Math.hypot(i % 28 - 14, Math.floor(i / 28) - 10) < 8 ? 1 : 0,
);
const DISC = roiOfMask({ width: 28, height: 20, data: disc });
const WAYS: Record<string, Partial<FrameSettings>> = {
  pad: { fit: "pad" },
  crop: { fit: "crop" },
  rectangle: { roi: "25%,20%,50%,70%" },
  mask: { roi: DISC },
  "mask, padded": { roi: DISC, fit: "pad" },
  tiles: { tiles: 24, overlap: 8 },
  "tiles in a mask": { tiles: 24, overlap: 8, roi: DISC },
  "one tile": { tiles: 100, overlap: 8 },
};

const SMALL = { backbone: "gabor", image_size: 24, feature_size: 6, sigma: 0, folds: 2 };
const trained = (method: string, way: Partial<FrameSettings>, more: object = {}): Promise<Model> =>
  train(gpu, { data, method, settings: { ...SMALL, components: 0, ...way, ...more } as Partial<Settings> });

for (const method of ["knn", "padim", "spade", "gaussian"]) {
  const names = ["knn", "padim"].includes(method) ? Object.keys(WAYS) : ["tiles in a mask"];
  for (const name of names) {
    const way = WAYS[name];
    Deno.test(`${method}, ${name}: trained, kept, opened, evaluated`, async () => {
      using model = await trained(method, way);
      using again = await openModelBytes(gpu, await model.toBytes(), { images: data.images });
      deepEqual(again.settings, model.settings);
      const { images, metrics, decided } = await evaluateCategory(again, data.category);
      for (const [i, { image }] of test.entries()) {
        const verdict = await model.score(image), found = images[i];
        equal(found.score, verdict.score);
        deepEqual(found.area, verdict.area);
        deepEqual(found.map, verdict.map);
        if (verdict.map === null) continue;
        const { area, map } = verdict;
        ok(area.x >= 0 && area.x + area.width <= image.width && area.y + area.height <= image.height);
        equal(found.truth!.length, map.width * map.height);
        ok(map.data.every(Number.isFinite));
        if (way.fit === "pad" || way.tiles) {
          ok(Math.abs(area.width / area.height / (map.width / map.height) - 1) < 0.1); // nothing is stretched
        } else deepEqual([map.width, map.height], [24, 24]);
      }
      equal(metrics.image_auroc, 1);
      if (model.method.maps) ok(metrics.pixel_auroc! > 0.9, `pixel AUROC ${metrics.pixel_auroc}`);
      if (model.method.maps) ok(metrics.aupro! > 0.6, `AUPRO ${metrics.aupro}`);
      equal(model.heldOut!.scores.length, normal.length);
      equal(model.heldOut!.peaks?.length ?? normal.length, normal.length);
      equal(decided.threshold!.tp + decided.threshold!.fn, 2);
    });
  }
}

Deno.test("what lies outside of a region of interest changes neither score nor map", async () => {
  const ways = [{ roi: "25%,20%,50%,70%" }, { roi: DISC }, { roi: DISC, tiles: 24, overlap: 8 }, {
    fit: "crop" as const,
  }];
  for (const method of ["knn", "patchcore", "spade", "gaussian"]) {
    for (const way of ways) {
      using model = await trained(method, way, { folds: 0 });
      const before = await model.score(test[2].image), image = test[2].image, data = image.data.slice();
      for (let i = 0; i < image.width * image.height; i++) {
        const x = i % 56, y = Math.floor(i / 56), u = (x + 0.5) / 56, v = (y + 0.5) / 40;
        const isSeen = "fit" in way
          ? x >= 8 && x < 48
          : way.roi === DISC
          ? disc[Math.floor(v * 20) * 28 + Math.floor(u * 28)] > 0
          : x >= 14 && x < 42 && y >= 8 && y < 36;
        if (!isSeen) data.fill(255 * (i % 3 % 2), 3 * i, 3 * i + 3);
      }
      notEqual(data.join(), image.data.join());
      const after = await model.score({ ...image, data });
      equal(after.score, before.score);
      deepEqual(after.map, before.map);
    }
  }
});

Deno.test("a defect outside of the region of interest counts nowhere", async () => {
  const away = { x: 6, y: 6 }, image = grey(30, 56, 40, away);
  const { category, images } = memoryData({
    normal,
    test: [...test, { image, label: 1, mask: maskOf(image, away) }],
  });
  using model = await trained("knn", { roi: DISC });
  const scorer = { ...model, source: { ...model.source, images } };
  const { images: found, metrics } = await evaluateCategory(scorer, category);
  ok(!found[4].truth!.includes(1));
  ok(found[4].inside!.includes(0));
  ok(metrics.pixel_auroc! > 0.9);
  ok(found[4].score <= Math.max(...model.heldOut!.scores) * 1.5);
});

Deno.test("images are held out whole, with all their tiles", async () => {
  // The last image is unlike all others in one tile only: no tile of its own may vouch for it.
  const odd = grey(40, 56, 40, SPOT);
  using model = await train(gpu, {
    data: [...normal.slice(0, 5), odd],
    method: "knn",
    settings: { ...SMALL, components: 0, tiles: 24, overlap: 8 } as Partial<Settings>,
  });
  const { scores, peaks } = model.heldOut!;
  ok(scores[5] > 2 * Math.max(...scores.subarray(0, 5)), `${scores}`);
  ok(peaks![5] > 2 * Math.max(...peaks!.subarray(0, 5)), `${peaks}`);
});

Deno.test("ADTR learns from tiles, with synthetic and with labelled anomalies", async () => {
  const anomalous = [{ image: grey(50, 56, 40, SPOT), mask: maskOf(grey(50), SPOT) }];
  const adtr = {
    epochs: 2,
    base_epochs: 0,
    batch_size: 8,
    hidden: 16,
    heads: 2,
    ffn: 16,
    layers: 1,
    folds: 0,
    score: "residual",
  };
  const both = [
    memoryData({ normal: normal.slice(0, 3), test }),
    memoryData({ normal: normal.slice(0, 3), anomalous, test }),
  ];
  for (const way of [{ tiles: 24, overlap: 8 }, { fit: "pad" as const, roi: DISC }]) {
    for (const data of both) {
      using model = await train(gpu, {
        data,
        method: "adtr",
        settings: { ...SMALL, components: 0, ...adtr, loss: "px", ...way } as Partial<Settings>,
      });
      const { map, score } = await model.score(test[2].image);
      ok(Number.isFinite(score) && map!.data.every(Number.isFinite));
    }
  }
  const withoutMask = memoryData({ normal, anomalous: [{ image: anomalous[0].image, mask: null }] });
  const settings = { ...SMALL, ...adtr, loss: "img", image_k: 4, components: 0 } as Partial<Settings>;
  await rejects(train(gpu, { data: withoutMask, settings: { ...settings, tiles: 24 } }), {
    name: "InputError",
    message: /Expected a mask for anomalous 0, of whose tiles some may be normal, but found none/,
  });
  const away = memoryData({ normal, anomalous });
  await rejects(
    train(gpu, { data: away, settings: { ...settings, loss: "px", tiles: 24, roi: "0,0,20,16" } }),
    {
      name: "InputError",
      message: "Expected anomalous 0 to mark pixels of anomalous 0, but found none in what is looked at",
    },
  );
});

Deno.test("tiles without anything to draw on carry no anomaly; where all are black, it is refused", async () => {
  const half = grey(60), black: Image = { width: 56, height: 40, data: new Uint8Array(3 * 56 * 40) };
  half.data.fill(0, 0, 3 * 56 * 30);
  const settings = {
    ...SMALL,
    components: 0,
    loss: "px",
    epochs: 1,
    base_epochs: 0,
    batch_size: 4,
    hidden: 16,
    heads: 2,
    ffn: 16,
    layers: 1,
    folds: 0,
    tiles: 20,
    overlap: 0,
    image_size: 16,
    feature_size: 4,
    score: "residual",
  } as Partial<Settings>;
  using _ = await train(gpu, { data: [half, grey(61)], settings });
  await rejects(train(gpu, { data: [black, black], settings }), {
    name: "InputError",
    message: "Expected normal images that confetti shows on, but found black ones only",
  });
});

Deno.test("methods that learn positions say so of tiles", async () => {
  for (const [method, count] of [["padim", 1], ["knn", 0]] as const) {
    const said: string[] = [],
      settings = resolveSettings(
        { ...SMALL, method, components: 0, folds: 0, tiles: 24 } as Partial<Settings>,
        {
          preset: "small",
          data: "folder",
          weights: false,
        },
      );
    const { tiles, overlap } = settings, { images, category } = data;
    const source = {
      ...tinySource(gpu),
      image_size: 24,
      feature_size: 6,
      images,
      framing: { fit: "stretch", roi: null, tiles, overlap } as const,
    };
    using _ = await learn({
      source: { ...source, onWarning: (text: string) => void said.push(text) },
      category,
      settings,
    });
    equal(said.length, count);
    if (count) match(said[0], /images: padim learns what each position of an image looks like/);
  }
});

Deno.test("metrics of tiles are those of their maps at full size; thresholds are found on them", async () => {
  using model = await trained("knn", { tiles: 24, overlap: 8 });
  const scorer = { ...model, source: { ...model.source, images: data.images } };
  const whole: number[][] = [];
  const evaluation = await evaluateCategory(scorer, data.category, {
    onImage: ({ map }) => void whole.push([map!.width, map!.height]),
  });
  deepEqual(whole, [[56, 40], [64, 48], [56, 40], [64, 48]]);
  equal(evaluation.tallies!.size, 2);
  const decision = decisionBy({ threshold: "f1", pixel_threshold: "f1" }, {
    heldOut: null,
    ...evidenceOf(evaluation),
  });
  equal(decision.image!.images, 4);
  equal(decision.pixel!.images, 4);
  const some = decisionBy({ threshold: "none", pixel_threshold: "fpr:0.01" }, {
    heldOut: null,
    ...evidenceOf(evaluation),
  });
  ok(some.pixel!.value > 0);
});

Deno.test("a defect that scaling hides is found with tiles, and lost without", async () => {
  const width = 256, height = 200, spot = { x: 190, y: 101 }; // 5×5 pixels are half a pixel of 32×32
  const photo = (seed: number, isBad = false): Image => {
    const random = new Random(seed, "photo"), data = new Uint8Array(3 * width * height);
    for (let i = 0; i < width * height; i++) {
      const x = i % width, y = Math.floor(i / width);
      const isSpot = isBad && Math.abs(x - spot.x) < 3 && Math.abs(y - spot.y) < 3;
      data.fill(
        isSpot ? 60 : 120 + 40 * Math.sin((x + 3 * y) / 37) + 12 * random.uniform(),
        3 * i,
        3 * i + 3,
      );
    }
    return { width, height, data };
  };
  const isIn = (i: number) =>
    Math.abs(i % width - spot.x) < 3 && Math.abs(Math.floor(i / width) - spot.y) < 3;
  const mask = {
    width,
    height,
    data: Uint8Array.from({ length: width * height }, (_, i) => isIn(i) ? 1 : 0),
  };
  const data = memoryData({
    normal: [photo(0), photo(1)],
    test: [{ image: photo(10), label: 0 }, { image: photo(11, true), label: 1, mask }],
  });
  const ways: [Partial<FrameSettings>, isFound: boolean][] = [[{}, false], [{ tiles: 32, overlap: 4 }, true]];
  for (const [way, isFound] of ways) {
    const settings = {
      backbone: "gabor",
      image_size: 32,
      feature_size: 8,
      components: 0,
      folds: 0,
      sigma: 0,
    };
    using model = await train(gpu, {
      data,
      method: "mahalanobis",
      settings: { ...settings, ...way } as Partial<Settings>,
    });
    const scorer = { ...model, source: { ...model.source, images: data.images } };
    const { images, metrics } = await evaluateCategory(scorer, data.category);
    const [good, bad] = images.map(({ score }) => score);
    equal(bad > 1.5 * good, isFound, `${good} and ${bad}`);
    equal((metrics.aupro ?? 0) > 0.99, isFound, `AUPRO ${metrics.aupro}`);
  }
});

Deno.test("an unreadable image among others ends nothing where somebody is told", async () => {
  using model = await trained("knn", { tiles: 24, overlap: 8 });
  const scorer = { ...model, source: { ...model.source, images: data.images } }, bad: string[] = [];
  const names = ["test 0", "gone", "test 2"];
  const found = await Array.fromAsync(scoreImages(scorer, names, { onError: (path) => void bad.push(path) }));
  deepEqual([found.map(({ path }) => path), bad], [["test 0", "test 2"], ["gone"]]);
  equal(found[1].score, (await model.score(test[2].image)).score);
});

Deno.test("features are kept under the keys they always had, and pieces under their own", async () => {
  const keys: string[] = [], kept = new Map<string, Float32Array<ArrayBuffer>>();
  const cache: FeatureStore = {
    get: (key) => (keys.push(key), Promise.resolve(kept.get(key) ?? null)),
    put: (key, values) => Promise.resolve(void kept.set(key, values)),
  };
  const source = { ...tinySource(gpu), images: data.images, cache };
  await extractFeatures(source, ["test 0"]);
  const { hash } = await data.images.open("test 0"), { backbone } = source;
  deepEqual(keys, [JSON.stringify([2, hash, backbone.fingerprint, 32, [16, backbone.channels]])]);
  const framing = { fit: "stretch", roi: null, tiles: 24, overlap: 8 } as const;
  const first = await extractFeatures({ ...source, framing }, ["test 0"]);
  equal(kept.size, 1 + first.length);
  const again = await extractFeatures({ ...source, framing }, ["test 0"]);
  deepEqual(again, first);
  equal(kept.size, 1 + first.length);
});

Deno.test("a model file from before there were any of these settings looks at images whole", async () => {
  using model = await trained("knn", {});
  const { fit: _, roi: _roi, tiles: _tiles, overlap: _overlap, ...info } = model.info;
  const { source, method, fitted, settings, decision, heldOut } = model;
  const old = await new Model({ source, method, fitted, settings, info, decision, heldOut }).toBytes();
  equal(parseModel(old, "old").info.fit, undefined);
  using opened = await openModelBytes(gpu, old);
  equal((await opened.score(test[2].image)).score, (await model.score(test[2].image)).score);
});

Deno.test("what a graph can't hold is not exported", async () => {
  for (
    const [way, found] of [[{ fit: "pad" as const }, "fit pad"], [{ roi: DISC }, "roi mask 28x20"]] as const
  ) {
    using model = await trained("knn", way, { folds: 0 });
    await rejects(exportOnnx(await model.toBytes(), {}, "m"), {
      name: "InputError",
      message: new RegExp(`whole, stretched images to export, .* but found ${found} in m$`),
    });
  }
});

Deno.test("settings that can't be, and images that don't fit, are refused in words", async () => {
  const resolve = (given: Partial<Settings>) =>
    resolveSettings(given, { preset: "small", data: "folder", weights: false });
  const refuse = (given: object, message: RegExp) =>
    throws(() => resolve({ method: "knn", ...given } as Partial<Settings>), {
      name: "SettingError",
      message,
    });
  refuse({ tiles: 64, overlap: 64 }, /Expected overlap to be at most half of tiles 64, but found 64/);
  refuse({ overlap: 8 }, /Expected overlap with tiles only, but found 8/);
  refuse({ tiles: 4 }, /Expected tiles to be 0, or from 8 to 8192, but found 4/);
  refuse({ roi: "0,0,0,5" }, /Expected roi to be none, x,y,w,h in pixels or percent .* but found "0,0,0,5"/);
  refuse({ fit: "squeeze" }, /Expected fit to be one of stretch, pad, crop, but found "squeeze"/);
  const { image_size, overlap } = resolve({ method: "knn", tiles: 96 });
  deepEqual([image_size, overlap], [96, 24]);
  equal(resolve({ method: "knn", tiles: 96, image_size: 64 }).image_size, 64);
  await rejects(trained("knn", { roi: "0,0,60,40" }), {
    name: "InputError",
    message: /within normal 0, 56×40 pixels, but found one from 0,0 to 60,40/,
  });
  using model = await trained("knn", { roi: "0,0,50,40" });
  await rejects(model.score(grey(1, 40, 40), "small.png"), {
    name: "InputError",
    message: /within small\.png, 40×40 pixels/,
  });
});
