/**
 * Learning, whatever the method: what is kept between runs, what is told when, and what stopping leaves.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { stored } from "../../src/formats/tensor_file.ts";
import { FeatureCache } from "../../src/host/feature_cache.ts";
import { openModel } from "../../src/host/open_model.ts";
import { RunFolder } from "../../src/host/run_folder.ts";
import { readSafetensors, writeSafetensors } from "../../src/host/tensor_files.ts";
import { METHOD_NAMES } from "../../src/methods/registry.ts";
import { evaluateCategory } from "../../src/score/evaluate.ts";
import { learn } from "../../src/train/learn.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { bytesIn, train } from "./runs.ts";
import { TINY, tinyCategory, tinyMethod, tinySource, tinySourceFor } from "./tiny.ts";

const source = tinySource(gpu);

Deno.test("features of whole images have a place of their own in the cache", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder),
      cached = { ...source, cache: new FeatureCache(join(folder, "cache")) };
    const scores: number[][] = [];
    for (const method of ["knn", "kde", "knn", "kde"] as const) {
      using model = (await learn({ source: cached, category, settings: tinyMethod(method) }))!;
      const { images } = await evaluateCategory(model, category);
      scores.push(images.map(({ score }) => score));
    }
    deepEqual(scores[2], scores[0]);
    deepEqual(scores[3], scores[1]);
  }));

Deno.test("a model file that is not as it was written is refused, naming it", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder), path = join(folder, "model.safetensors");
    const { inUse } = gpu.memory.stats();
    await train(category, folder, tinyMethod("knn"));
    const { tensors, metadata } = await readSafetensors(path);
    const refused = async (
      change: Partial<{ tensors: typeof tensors; metadata: object }>,
      message: RegExp,
    ) => {
      await writeSafetensors(path, change.tensors ?? tensors, { ...metadata, ...change.metadata });
      await rejects(openModel(gpu, path), { name: "InputError", message });
      equal(gpu.memory.stats().inUse, inUse);
    };
    const mean = tensors.get("bank_mean")!, narrow = stored(new Float32Array(7 * 16 * 80), [112, 80]);
    await refused({ tensors: new Map([["bank_mean", mean]]) }, /model\.safetensors holds no model: .* bank /);
    await refused(
      { tensors: new Map([["bank_mean", mean], ["bank", narrow]]) },
      /holds no model: .*\[112,80\]/,
    );
    await refused(
      { metadata: { method: "nn" } },
      /^Expected a model written by train in .* of the method "nn"$/,
    );
    const config = { ...JSON.parse(metadata.config), sigma: -1 };
    await refused(
      { metadata: { config: JSON.stringify(config) } },
      /^In the metadata of .*: Expected sigma to be a number from 0 to 256, but found -1$/,
    );
    await writeSafetensors(path, tensors, metadata);
    (await openModel(gpu, path))[Symbol.dispose]();
    await rejects(openModel(gpu, path, { settings: { score: "residual-mahalanobis" } }), {
      name: "SettingError",
      message: "Expected score residual-mahalanobis with method adtr only, but found knn",
    });
    equal(gpu.memory.stats().inUse, inUse);
  }));

for (const method of METHOD_NAMES) {
  Deno.test(`${method}: stopped before it begins, nothing is written`, () =>
    inFolder(async (folder) => {
      const category = await tinyCategory(folder), out = join(folder, "out"), { inUse } = gpu.memory.stats();
      const source = tinySourceFor(method, gpu), signal = AbortSignal.abort();
      deepEqual(await train(category, out, tinyMethod(method), { source, signal }), [0, false]);
      deepEqual(await bytesIn(out), {});
      equal(gpu.memory.stats().inUse, inUse);
    }));

  Deno.test(`${method}: the start is told once, and only where nothing is left to be refused`, () =>
    inFolder(async (folder) => {
      const category = await tinyCategory(folder), before = gpu.memory.stats().inUse;
      let started = 0;
      const onStart = () => Promise.resolve(void started++);
      const settings = tinyMethod(method), source = tinySourceFor(method, gpu);
      (await learn({ source, category, settings, onStart }))![Symbol.dispose]();
      equal(started, 1);
      await rejects(learn({ source, category, settings, onStart, available: () => 0 }), {
        name: "SettingError",
        kind: "memory",
      });
      await Deno.writeTextFile(category.train[6], "no image");
      await rejects(learn({ source, category, settings, onStart }), { name: "InputError" });
      equal(started, 1);
      equal(gpu.memory.stats().inUse, before);
    }));
}

Deno.test("a log without a checkpoint is told once, and begun again", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder), warnings: string[] = [];
    for (const loss of ["norm", "px"] as const) {
      const out = join(folder, loss), settings = { ...TINY, loss, epochs: 1, base_epochs: 1 };
      await Deno.mkdir(out);
      await new RunFolder(out, false).begin(0);
      const onWarning = (text: string) => void warnings.push(text);
      const [steps] = await train(category, out, settings, { resume: true, onWarning });
      ok(steps > 0);
      deepEqual(warnings.splice(0), [`no checkpoint in ${out} yet, beginning again with the first step`]);
    }
  }));
