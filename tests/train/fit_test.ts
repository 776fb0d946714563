/**
 * Methods beside ADTR from images to a model file and back: the same scores, what is refused, and stopping.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import { METHOD_NAMES } from "../../src/methods/method.ts";
import { methods } from "../../src/methods/registry.ts";
import { readSafetensors, writeSafetensors } from "../../src/host/tensor_files.ts";
import { stored } from "../../src/formats/tensor_file.ts";
import { evaluateCategory } from "../../src/score/evaluate.ts";
import { fitCategory } from "../../src/train/fit.ts";
import { openModel } from "../../src/score/open_model.ts";
import { scoreImages } from "../../src/score/score.ts";
import { backboneDefaults, type Settings } from "../../src/train/settings.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { TINY, tinyCategory, tinySource } from "./tiny.ts";

const source = tinySource(gpu);
const settingsOf = (method: Settings["method"]): Settings => ({
  ...TINY,
  ...backboneDefaults("gabor", undefined, method),
  method,
});

for (const method of METHOD_NAMES) {
  Deno.test(`${method}: a model file scores as what was fitted, and as an image by itself`, () =>
    inFolder(async (folder) => {
      const category = await tinyCategory(folder), settings = settingsOf(method);
      const scorer = (await fitCategory({ source, category, settings, out: folder }))!;
      const { metrics, images } = await evaluateCategory(source, scorer, settings, category);
      scorer.release();
      equal(metrics.pixel_auroc === null, !methods[method].maps);
      ok(metrics.image_auroc !== null);

      const path = join(folder, "model.safetensors"), model = await openModel(gpu, path);
      const paths = images.map((image) => image.path);
      const again = await Array.fromAsync(scoreImages(model.source, model.scorer, model.scoring, paths));
      deepEqual(again, images.map(({ path, map, score }) => ({ path, map, score })));
      const { map, score } = await model.score(await Deno.readFile(paths[0]));
      equal(score, images[0].score);
      deepEqual(map, images[0].map ?? new Float32Array(32 * 32).fill(score));
      model.scorer.release();
    }));
}

Deno.test("features of whole images have a place of their own in the cache", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder),
      cached = { ...source, cache: new FeatureCache(join(folder, "cache")) };
    const scores: number[][] = [];
    for (const method of ["knn", "kde", "knn", "kde"] as const) {
      const settings = settingsOf(method);
      const scorer = (await fitCategory({ source: cached, category, settings, out: folder }))!;
      const { images } = await evaluateCategory(cached, scorer, settings, category);
      scores.push(images.map(({ score }) => score));
      scorer.release();
    }
    deepEqual(scores[2], scores[0]);
    deepEqual(scores[3], scores[1]);
  }));

Deno.test("a model file that is not as it was written is refused, naming it", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder), path = join(folder, "model.safetensors");
    const scorer = (await fitCategory({ source, category, settings: settingsOf("knn"), out: folder }))!;
    scorer.release();
    const { tensors, metadata } = await readSafetensors(path);
    const refused = async (
      change: Partial<{ tensors: typeof tensors; metadata: object }>,
      message: RegExp,
    ) => {
      await writeSafetensors(path, change.tensors ?? tensors, { ...metadata, ...change.metadata });
      await rejects(openModel(gpu, path), { name: "InputError", message });
    };
    const mean = tensors.get("bank_mean")!, narrow = stored(new Float32Array(7 * 16 * 80), [112, 80]);
    await refused({ tensors: new Map([["bank_mean", mean]]) }, /model\.safetensors .*knn: .*bank/);
    await refused({ tensors: new Map([["bank_mean", mean], ["bank", narrow]]) }, /knn: .*\[112,80\]/);
    await refused({ metadata: { model: '{"method":"nn"}' } }, /^Expected a method and its sizes in .*"nn"/);
    const model = { ...JSON.parse(metadata.model), coreset: 2 };
    await refused({ metadata: { model: JSON.stringify(model) } }, /--coreset/);
    await writeSafetensors(path, tensors, metadata);
    (await openModel(gpu, path)).scorer.release();
    await rejects(openModel(gpu, path, { score: "residual-mahalanobis" }), {
      message: /^Expected residual_covariance in .* for the score residual-mahalanobis, but found none$/,
    });
  }));

Deno.test("stopped, nothing is written", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder);
    const options = { source, category, settings: settingsOf("patchcore"), out: folder };
    equal(await fitCategory({ ...options, signal: AbortSignal.abort() }), null);
    await rejects(Deno.stat(join(folder, "model.safetensors")), Deno.errors.NotFound);
  }));
