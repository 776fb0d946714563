/**
 * Scoring images and measuring how well that works, with a model that has learnt nothing: whatever the scores are,
 * they have to be the right ones of the right images.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { Category } from "../../src/data/category.ts";
import { encodeGreyPng } from "../../src/data/image.ts";
import { loadMask } from "../../src/data/load.ts";
import { files } from "../../src/host/image_files.ts";
import { openModel } from "../../src/host/open_model.ts";
import { writeSafetensors } from "../../src/host/tensor_files.ts";
import { imageMetrics, pixelMetrics } from "../../src/metrics/metrics.ts";
import { initialAdtr } from "../../src/model/adtr.ts";
import { FittedAdtr } from "../../src/methods/adtr/fitted.ts";
import { adtr, configOf } from "../../src/methods/adtr/method.ts";
import { toState } from "../../src/methods/adtr/state.ts";
import type { Method, State } from "../../src/methods/method.ts";
import { UNDECIDED } from "../../src/methods/decision.ts";
import { contentOf } from "../../src/methods/model_file.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { openBackbone } from "../../src/model/open_backbone.ts";
import { normalisationOf } from "../../src/model/normalisation.ts";
import { evaluateCategory, type Metrics } from "../../src/score/evaluate.ts";
import { extractFeatures } from "../../src/score/features.ts";
import { Model } from "../../src/score/model.ts";
import { type ScoredImage, scoreImages } from "../../src/score/score.ts";
import { fill } from "../fill.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { TINY, tinyCategory, tinySource } from "../train/tiny.ts";

const source = tinySource(gpu), S = TINY.image_size;
const CONFIG = configOf(TINY, { C: 81, H: 4, W: 4 });
const NOTHING: Metrics = {
  image_auroc: null,
  image_ap: null,
  image_f1max: null,
  pixel_auroc: null,
  pixel_ap: null,
  aupro: null,
};

/** A new model of a category, with its normalisation and a covariance; for the caller to dispose of. */
async function modelOf({ train }: Category): Promise<Model> {
  const features = await extractFeatures(source, train), normalisation = normalisationOf(features, 81);
  const parameters = initialAdtr(CONFIG, 0);
  const known = { covariance: null, positions: null };
  const fitted = new FittedAdtr(gpu, { config: CONFIG, parameters, normalisation, ...known });
  await fitted.measureCovariance([
    gpu.tensor(features.flatMap((f) => Array.from(f)), [train.length, 16, 81]),
  ]);
  const info = { ...TINY, features: source.backbone.fingerprint };
  const method = adtr as unknown as Method, settings = { ...TINY };
  return new Model({ source, method, fitted, settings, info, decision: UNDECIDED, heldOut: null });
}

/** The same with other settings. */
function otherwise(model: Model, change: Partial<Settings>): Model {
  return new Model({ ...model, settings: { ...model.settings, ...change } as Settings });
}

const test = (name: string, body: (category: Category, folder: string) => Promise<void>): void =>
  Deno.test(name, () => inFolder(async (folder) => await body(await tinyCategory(folder), folder)));

test("an image's map and score are the same bits whatever is scored with it", async (category) => {
  using model = await modelOf(category);
  const images = [...category.train, ...category.test.map(({ path }) => path)];
  const paths = Array.from({ length: 67 }, (_, i) => images[i * 5 % images.length]); // more than one slice
  for (const score of ["residual", "residual-mahalanobis"] as const) {
    const scoring = otherwise(model, { score }),
      alone = new Map<string, Omit<ScoredImage, "path">>();
    for (const image of images) {
      for await (const { path, ...result } of scoreImages(scoring, [image])) {
        alone.set(path, result);
      }
    }
    equal(new Set([...alone.values()].map(({ score }) => score)).size, images.length);
    const done: number[] = [], found: string[] = [];
    for await (
      const { path, ...result } of scoreImages(scoring, paths, { onImage: (n) => void done.push(n) })
    ) {
      deepEqual(result, alone.get(path));
      found.push(path);
    }
    deepEqual(found, paths);
    equal(done.at(-1), 67);
    done.forEach((n, i) => ok(i === 0 || n >= done[i - 1]));
  }
});

test("scoring gives back what it takes", async (category) => {
  using model = await modelOf(category);
  const paths = Array.from({ length: 30 }, () => category.train[0]);
  const score = async () => void await Array.fromAsync(scoreImages(model, paths));
  await score();
  const before = gpu.memory.stats();
  await score();
  deepEqual(gpu.memory.stats(), before);
  const scores = scoreImages(model, paths); // given up in the middle
  await scores.next();
  await scores.return(undefined);
  equal(gpu.memory.stats().inUse, before.inUse);
});

test("metrics are those of the maps, scores and masks of all test images", async (category) => {
  using model = await modelOf(category);
  const { test } = category;
  const { metrics, images } = await evaluateCategory(model, category);
  deepEqual(images.map(({ path, mask, label, defect }) => ({ path, mask, label, defect })), test);
  const scored = await Array.fromAsync(
    scoreImages(model, test.map(({ path }) => path)),
  );
  deepEqual(
    images.map(({ path, map, score, normalised, called: label, area }) => ({
      path,
      score,
      normalised,
      label,
      map,
      area,
    })),
    scored.map(({ frame: _, preview: __, ...result }) => result),
  );
  const n = test.length, maps = new Float32Array(n * S * S), masks = new Uint8Array(n * S * S);
  for (const [i, { path, mask }] of test.entries()) {
    const truth = await loadMask(files, mask, path, S);
    deepEqual(images[i].truth, truth);
    equal(truth.some((on) => on), test[i].label === 1);
    maps.set(scored[i].map!.data, i * S * S);
    masks.set(truth, i * S * S);
  }
  deepEqual(metrics, {
    ...imageMetrics(
      Float32Array.from(scored, ({ score }) => score),
      Uint8Array.from(test, ({ label }) => label),
    ),
    ...pixelMetrics(maps, masks, n, S, S),
  });
  ok(Object.values(metrics).every((value) => value !== null && value > 0 && value <= 1));
});

test("a decision is counted over all test images, and over each kind of defect with all good ones", async (category) => {
  using model = await modelOf(category);
  const before = await evaluateCategory(model, category);
  equal(before.decided.threshold, null);
  const [value] = before.images.map(({ score }) => score).sort((a, b) => a - b).slice(2);
  model.decision = { image: { value, from: "given", images: 0 }, pixel: null, spread: 1 };
  const { images, decided } = await evaluateCategory(model, category);
  for (const { score, called } of images) equal(called, score > value ? "anomalous" : "normal");
  const countsOf = (kind?: string) => {
    const some = images.filter(({ label, defect }) => label === 0 || kind === undefined || defect === kind);
    const of = (label: number, called: string) =>
      some.filter((image) => image.label === label && image.called === called).length;
    return [of(1, "anomalous"), of(0, "anomalous"), of(0, "normal"), of(1, "normal")];
  };
  const { tp, fp, tn, fn } = decided.threshold!;
  deepEqual([tp, fp, tn, fn], countsOf());
  const kinds = new Set(images.filter(({ label }) => label === 1).map(({ defect }) => defect));
  deepEqual(Object.keys(decided.defects), [...kinds]);
  for (const [kind, { images, found, decided: counts }] of Object.entries(decided.defects)) {
    const { tp, fp, tn, fn } = counts!;
    deepEqual([tp, fp, tn, fn], countsOf(kind));
    deepEqual([images, found], [tp + fn, tp]);
  }
});

test("without masks there are image metrics only; where one is missing, it is named, or its pixels don't count", async (category) => {
  using model = await modelOf(category);
  const whole = await evaluateCategory(model, category);
  const { image_auroc, image_ap, image_f1max } = whole.metrics;
  const unmasked = { ...category, test: category.test.map((image) => ({ ...image, mask: null })) };
  const { metrics, images } = await evaluateCategory(model, unmasked);
  deepEqual(metrics, { ...NOTHING, image_auroc, image_ap, image_f1max });
  for (const { label, truth } of images) equal(truth === null, label === 1);

  const last = category.test.length - 1;
  const partly = { ...category, test: category.test.with(last, { ...category.test[last], mask: null }) };
  const without = { ...category, test: category.test.slice(0, last) };
  const { pixel_auroc, pixel_ap, aupro } = (await evaluateCategory(model, without)).metrics;
  ok(pixel_auroc !== whole.metrics.pixel_auroc);
  await rejects(() => evaluateCategory(model, partly), {
    name: "SettingError",
    message:
      `Expected a mask for ${category.test[last].path}, as other anomalous test images of grid have one, ` +
      "but found none.\nWith missing_masks skip, such images count in the image metrics only.",
  });
  const skipping = await evaluateCategory(model, partly, { missing_masks: "skip" });
  deepEqual(skipping.metrics, {
    image_auroc,
    image_ap,
    image_f1max,
    pixel_auroc,
    pixel_ap,
    aupro,
  });
});

test("with one kind of test images, or none, no metric is defined", async (category) => {
  using model = await modelOf(category);
  for (const labels of [[0], []]) {
    const test = category.test.filter(({ label }) => labels.includes(label));
    const { metrics, images } = await evaluateCategory(model, { ...category, test });
    equal(images.length, test.length);
    deepEqual(metrics, NOTHING);
  }
});

test("a mask of another size than its image is refused before the work", async (category) => {
  using model = await modelOf(category);
  const { mask, path } = category.test.findLast(({ label }) => label === 1)!;
  await Deno.writeFile(mask!, encodeGreyPng({ width: 32, height: 31, data: new Uint8Array(32 * 31) }));
  const onProgress = () => {
    throw new Error("Expected no progress");
  };
  await rejects(() => evaluateCategory(model, category, { onProgress }), {
    name: "InputError",
    message: `Expected ${mask} to be 32×32 pixels as its image is, but found 32×31`,
  });
  await Deno.remove(path);
  await rejects(() => evaluateCategory(model, category), { name: "InputError" });
});

test("an evaluation can be stopped", async (category) => {
  using model = await modelOf(category);
  const signal = AbortSignal.abort(new Error("enough"));
  await rejects(
    () => evaluateCategory(model, category, { signal }),
    { message: "enough" },
  );
});

test(
  "a network that is opened for a model which is refused gives its memory back",
  async (category, folder) => {
    using trained = await modelOf(category);
    const state = await trained.state(), path = join(folder, "m.safetensors");
    const name = "efficientnet_lite0", lite = { ...trained.info, backbone: name, levels: "3,5,6" };
    let features: string;
    {
      using backbone = await openBackbone(gpu, name, null, lite);
      features = backbone.fingerprint;
    }
    const { inUse } = gpu.memory.stats();
    const cases: [state: State, info: Record<string, unknown>, message: RegExp][] = [
      [state, lite, /^Expected efficientnet_lite0 to be what .* was trained on, gabor-.*,\nbut found /],
      [
        state,
        { ...lite, features },
        /^Expected a model of efficientnet_lite0's \d+ channels in .*, but found one of 81$/,
      ],
      [{ ...state, tensors: new Map() }, { ...lite, features }, /^Expected a model of efficientnet_lite0's /],
    ];
    for (const [state, info, message] of cases) {
      const { tensors, metadata } = contentOf("adtr", state, info);
      await writeSafetensors(path, tensors, metadata);
      await rejects(openModel(gpu, path), { name: "InputError", message });
      equal(gpu.memory.stats().inUse, inUse);
    }
    // Damaged where the backbone is already on the GPU, and fits.
    using backbone = await openBackbone(gpu, name, null, lite);
    const held = gpu.memory.stats().inUse, config = { ...CONFIG, C: backbone.channels };
    const parameters = initialAdtr(config, 0),
      known = { normalisation: null, covariance: null, positions: null };
    const whole = toState({ config, parameters, ...known });
    for (const missing of [null, ...whole.tensors.keys()].slice(0, 4)) {
      const tensors = new Map([...whole.tensors].filter(([name]) => name !== missing));
      const content = contentOf("adtr", { ...whole, tensors }, { ...lite, features });
      await writeSafetensors(path, content.tensors, content.metadata);
      if (missing === null) (await openModel(gpu, path))[Symbol.dispose]();
      else {await rejects(openModel(gpu, path), {
          name: "InputError",
          message: /m\.safetensors holds no model: /,
        });}
      equal(gpu.memory.stats().inUse, held);
    }
  },
);

test(
  "a model file scores as the model does, and what does not fit it is refused by name",
  async (category, folder) => {
    using trained = await modelOf(category);
    const state = await trained.state(), { info } = trained, path = join(folder, "m.safetensors");
    const write = async (state: State, info: Record<string, unknown>): Promise<void> => {
      const { tensors, metadata } = contentOf("adtr", state, info);
      await writeSafetensors(path, tensors, metadata);
    };
    await write(state, info);
    using model = await openModel(gpu, path);
    const paths = category.test.map(({ path }) => path);
    for await (const { path, map, score } of scoreImages(trained, paths)) {
      const area = { x: 0, y: 0, width: S, height: S };
      deepEqual(await model.score(await Deno.readFile(path)), {
        score,
        normalised: null,
        label: null,
        map,
        area,
      });
    }
    const other = { score: "residual-mahalanobis", image_score: "mean" } as const;
    const [wanted] = await Array.fromAsync(
      scoreImages(otherwise(trained, other), [paths[0]]),
    );
    using opened = await openModel(gpu, path, { settings: other });
    const found = await opened.score(await Deno.readFile(paths[0]));
    deepEqual([found.map, found.score], [wanted.map, wanted.score]);
    await rejects(() => model.score(new Uint8Array(3), "a.png"), {
      name: "InputError",
      message: /^Expected a\.png /,
    });

    const cases: [
      info: Record<string, unknown>,
      options: Parameters<typeof openModel>[2],
      message: RegExp,
    ][] = [
      [
        { ...info, backbone: "resnet" },
        {},
        /^In the metadata of .*m\.safetensors: Expected backbone to be one of .*, but found "resnet"$/,
      ],
      [
        { ...info, image_size: undefined },
        {},
        /^In the metadata of .*: Expected a setting image_size, but found none$/,
      ],
      [{ ...info, score: 3 }, {}, /^In the metadata of .*: Expected score to be one of .*, but found 3$/],
      [
        { ...info, image_score: "min" },
        {},
        /^In the metadata of .*: Expected image_score to be one of max, mean, but found "min"$/,
      ],
      [
        { ...info, features: "gabor-0" },
        {},
        /^Expected gabor to be what .* was trained on, gabor-0,\nbut found gabor-/,
      ],
      [
        info,
        { weights: path },
        /^Expected no weight file for the built-in backbone gabor, but found .*m\.safetensors$/,
      ],
      [info, { weights: "w.pth" }, /^Can't read w\.pth: /],
      [
        { ...info, backbone: "efficientnet_b4" },
        {},
        /^Expected a weight file for the backbone efficientnet_b4/,
      ],
    ];
    const { inUse } = gpu.memory.stats();
    for (const [changed, options, message] of cases) {
      await write(state, changed);
      await rejects(() => openModel(gpu, path, options), { name: "InputError", message });
      equal(gpu.memory.stats().inUse, inUse);
    }
    await write(state, { ...info, image_size: 15, image_score: "mean" });
    (await openModel(gpu, path))[Symbol.dispose]();
    await rejects(() => openModel(gpu, path, { settings: { image_score: "max" } }), {
      name: "SettingError",
      message: "Expected image_size to be at least 16, which image_score max averages over, " +
        "but found 15.\nimage_score mean has no such limit.",
    });
    const narrow = { ...CONFIG, C: 80 };
    const normalisation = { mean: fill("mean", 16 * 80), deviation: new Float32Array(80).fill(1) };
    const parameters = initialAdtr(narrow, 0);
    await write(
      toState({ config: narrow, parameters, normalisation, covariance: null, positions: null }),
      info,
    );
    await rejects(() => openModel(gpu, path), {
      name: "InputError",
      message: `Expected a model of gabor's 81 channels in ${path}, but found one of 80`,
    });
    for (const name of ["epochs", "backbone"]) {
      await write(state, info);
      await rejects(() => openModel(gpu, path, { settings: { [name]: "pixels" } }), {
        name: "InputError",
        message:
          `Expected settings that ${path} can be opened with, but found ${name}, which was trained with`,
      });
    }
    await rejects(() => openModel(gpu, path, { settings: { image_score: "min" } }), {
      name: "SettingError",
      message: 'Expected image_score to be one of max, mean, but found "min"',
    });
    equal(gpu.memory.stats().inUse, inUse);

    // Nobody knows before it scores whether it needs the covariance.
    await write({
      ...state,
      tensors: new Map([...state.tensors].filter(([name]) => !name.includes("covariance"))),
    }, info);
    using without = await openModel(gpu, path, { settings: other });
    await rejects(without.score(await Deno.readFile(paths[0])), {
      name: "InputError",
      message: "Expected a model with the covariance of its training residuals, but found none in it",
    });
  },
);
