/**
 * Every method of the registry from images to a model file and back: the same scores, the same bytes however often a
 * training was stopped, and no belief in what a file claims.
 *
 * @module
 */
import "./student.ts"; // a method that looks at both, first
import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/formats/safetensors.ts";
import { stored } from "../../src/formats/tensor_file.ts";
import { files } from "../../src/host/image_files.ts";
import { openModel } from "../../src/host/open_model.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { methods } from "../../src/methods/registry.ts";
import { evaluateCategory, type EvaluatedImage } from "../../src/score/evaluate.ts";
import type { Model } from "../../src/score/model.ts";
import { openModelBytes } from "../../src/score/open_model.ts";
import type { FeatureSource } from "../../src/score/features.ts";
import { scoreImages } from "../../src/score/score.ts";
import { learn } from "../../src/train/learn.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { bytesIn, train, trainUntil } from "../train/runs.ts";
import { tinyCategory, tinyMethod, tinySource, tinySourceFor } from "../train/tiny.ts";

const MODEL = "model.safetensors";

for (const method of methods) {
  const isTrained = Object.hasOwn(method.settings, "epochs");
  const settings = tinyMethod(method.name, isTrained ? { epochs: 4 } : {});
  const source = tinySourceFor(method.name, gpu);

  Deno.test(`${method.name}: from images to a model file and back`, (t) =>
    inFolder(async (folder) => {
      const category = await tinyCategory(folder), before = gpu.memory.stats().inUse;
      {
        using model = (await learn({ source, category, settings }))!;
        const { metrics, images } = await evaluateCategory(model, category);
        const bytes = await model.toBytes();

        await t.step("there are maps where it says so, and scores that can be measured", () => {
          equal(metrics.pixel_auroc === null, !method.maps);
          notEqual(metrics.image_auroc, null);
        });
        await t.step("a model file scores as what was learned, and an image by itself as among others", () =>
          isSameFromFile(model, bytes, images, folder));
        await t.step("it holds the method's settings and no others", () =>
          holdsSettings(bytes, settings, source));
        await t.step("what it claims is bounded: refused in words, without taking memory for it", () =>
          claimsAreBounded(bytes));
        await t.step("two images scored at once are scored as one after the other", () =>
          isSameAtOnce(
            model,
            images.map(({ path }) =>
              path
            ),
          ));
      }
      if (method.input !== "pixels") {
        await t.step("components and features of length 1 come with the file", async () => {
          const changed = { ...settings, components: 12, feature_length: "unit" } as Settings;
          const from = { ...source, feature_length: changed.feature_length };
          using model = (await learn({ source: from, category, settings: changed }))!;
          const { images } = await evaluateCategory(model, category);
          await isSameFromFile(model, await model.toBytes(), images, folder);
        });
      }
      equal(gpu.memory.stats().inUse, before);
    }));

  if (!isTrained) continue;

  Deno.test(`${method.name}: stopped at any step and gone on with, it ends with the same bytes`, () =>
    inFolder(async (folder) => {
      const category = await tinyCategory(folder), whole = join(folder, "whole");
      const [total] = await train(category, whole, settings, { source });
      const wanted = await bytesIn(whole);
      for (const stops of [[1], [2, total / 2]]) {
        const out = join(folder, `${stops}`);
        for (const [i, stop] of stops.entries()) {
          const [steps, finished] = await trainUntil(["training", stop], category, out, settings, {
            source,
            resume: i > 0,
          });
          ok(steps >= stop && !finished, `${steps}`);
          // What was logged after the checkpoint, where a run is killed.
          await Deno.writeTextFile(join(out, "log.jsonl"), '{"step": 99}\n{"st', { append: true });
        }
        deepEqual(await train(category, out, settings, { source, resume: true }), [total, true]);
        deepEqual(await bytesIn(out), wanted, `stopped at ${stops}`);
      }
    }));
}

/** A model that is opened from its file, or from the file's bytes, is the model and scores as it. */
async function isSameFromFile(
  model: Model,
  bytes: Uint8Array<ArrayBuffer>,
  images: readonly EvaluatedImage[],
  folder: string,
): Promise<void> {
  const file = join(folder, MODEL), paths = images.map(({ path }) => path);
  await Deno.writeFile(file, bytes);
  using opened = await openModelBytes(gpu, bytes, { images: files });
  using read = await openModel(gpu, file);
  for (const again of [opened, read]) {
    deepEqual(again.settings, model.settings);
    deepEqual(again.info, model.info);
    equal(again.method, model.method);
    deepEqual(await again.toBytes(), bytes);
    const found = await Array.fromAsync(
      scoreImages(again, paths),
      ({ frame: _, preview: __, ...result }) => result,
    );
    deepEqual(again.decision, model.decision);
    deepEqual(again.heldOut, model.heldOut);
    deepEqual(
      found,
      images.map(({ path, map, score, normalised, called: label, area }) => (
        { path, score, normalised, label, map, area }
      )),
    );
    const verdict = await again.score(await Deno.readFile(paths[0])), { map, area } = verdict;
    deepEqual({ path: paths[0], ...verdict }, found[0]);
    deepEqual(area, { x: 0, y: 0, width: 32, height: 32 });
    equal(map === null, !model.method.maps);
  }
}

/** A trained model's file has all that it was learned with, and whose images. */
function holdsSettings(
  bytes: Uint8Array<ArrayBuffer>,
  settings: Settings,
  { backbone }: FeatureSource,
): void {
  const { metadata } = parseSafetensors(bytes, MODEL);
  deepEqual(Object.keys(metadata).sort(), ["config", "decision", "format", "method", "model"]);
  deepEqual([metadata.format, metadata.method], ["adtr model 2", settings.method]);
  const { features, category, images, features_sha256, ...rest } = JSON.parse(metadata.config);
  deepEqual(rest, settings);
  deepEqual([features, category], [backbone?.fingerprint ?? "pixels", "grid"]);
  if (!Object.hasOwn(settings, "epochs")) return deepEqual([images, features_sha256], [undefined, undefined]);
  equal(images, 7);
  match(features_sha256, /^[0-9a-f]{64}$/);
}

async function claimsAreBounded(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const { tensors, metadata } = parseSafetensors(bytes, MODEL), sizes = JSON.parse(metadata.model);
  const opened = async (model: unknown, of = tensors): Promise<void> => {
    const bytes = serializeSafetensors(of, { ...metadata, model: JSON.stringify(model) });
    using _ = await openModelBytes(gpu, new Uint8Array(bytes), {}, "m");
  };
  const { held, inUse } = gpu.memory.stats();
  const refused = async (model: unknown, of = tensors): Promise<void> => {
    await rejects(opened(model, of), (error: Error) => {
      ok(error instanceof InputError, `${JSON.stringify(model)}: ${error.stack}`);
      ok(error.message.split("\n").length <= 2 && /\bm\b/.test(error.message), error.message);
      return true;
    });
  };
  for (const [name, value] of Object.entries(sizes)) {
    const { [name]: _, ...without } = sizes;
    await refused(without);
    const text = typeof value === "string" ? `no ${value}` : `${value}`;
    for (const wrong of [0, -1, 1.5, 2 ** 31, 1e300, text, null, [value], {}]) {
      if (wrong !== 0 || Number.isInteger(value)) await refused({ ...sizes, [name]: wrong });
    }
    if (!Number.isInteger(value) || name === "A") continue; // any number of heads does with the same tensors
    for (let large = value as number; (large *= 2) < 2 ** 30;) await refused({ ...sizes, [name]: large });
  }
  await refused({ ...sizes, H: sizes.H / 2, W: sizes.W * 2 }); // as many positions
  await refused({ ...sizes, C: 65536, H: 256, W: 256 });
  for (const other of ["text", 3, null, []]) await refused(other);
  await refused(sizes, new Map());
  for (const [name, { shape }] of tensors) {
    const values = new Float32Array(shape.reduce((a, b) => a * b)).fill(NaN);
    await refused(sizes, new Map(tensors).set(name, stored(values, shape)));
    const none = stored(new Float32Array(0), [0, ...shape.slice(1)]);
    await refused(sizes, new Map(tensors).set(name, none));
  }
  deepEqual([gpu.memory.stats().held - held < 1 << 20, gpu.memory.stats().inUse], [true, inUse]);
}

async function isSameAtOnce(model: Model, paths: readonly string[]): Promise<void> {
  const images = await Promise.all(paths.map((path) => Deno.readFile(path)));
  const wanted = [];
  for (const image of images) wanted.push(await model.score(image));
  const { inUse } = gpu.memory.stats();
  const found = await Promise.all([...images, images[0]].map((image) => model.score(image)));
  deepEqual(found, [...wanted, wanted[0]]);
  // One that can't be read does not keep the others from being scored.
  const [bad, good] = [model.score(new Uint8Array(9), "a.png"), model.score(images[1])];
  await rejects(bad, { name: "InputError" });
  deepEqual(await good, wanted[1]);
  equal(gpu.memory.stats().inUse, inUse);
}

Deno.test("a model of other features of whole images than the backbone's is refused", () =>
  inFolder(async (folder) => {
    const settings = tinyMethod("gaussian"), source = tinySource(gpu);
    using model = (await learn({ source, category: await tinyCategory(folder), settings }))!;
    const { tensors, metadata } = parseSafetensors(await model.toBytes(), MODEL);
    const P = tensors.get("pooled_mean")!.shape[0], fewer = new Map(tensors);
    fewer.set("pooled_mean", stored(new Float32Array(4), [4]));
    fewer.set("whitening", stored(new Float32Array(16).fill(1), [4, 4]));
    const bytes = new Uint8Array(serializeSafetensors(fewer, metadata));
    await rejects(openModelBytes(gpu, bytes, {}, "m"), {
      name: "InputError",
      message: `Expected a model of gabor's ${P} features of whole images in m, but found one of 4`,
    });
  }));
