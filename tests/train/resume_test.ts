/**
 * Trainings that are stopped or killed and gone on with: they end with the same bytes as one that was not, and what
 * does not belong together is refused before anything is written.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import type { Category } from "../../src/data/category.ts";
import { gaborBackbone } from "../../src/model/gabor.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import type { AdtrSettings } from "../../src/methods/adtr/settings.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { killed } from "./killed.ts";
import { bytesIn, type Options, train, trainUntil as trainToPhase } from "./runs.ts";
import { LONG, TINY, tinyCategory, tinySource } from "./tiny.ts";

const source = tinySource(gpu);
const FILES = ["model.safetensors", "log.jsonl", "checkpoint.safetensors"];

/** Trains until `steps` are done, then aborts. */
function trainUntil(
  category: Category,
  out: string,
  steps: number,
  resume: boolean,
): ReturnType<typeof train> {
  return trainToPhase(["training", steps], category, out, TINY, { resume });
}

const test = (name: string, body: (category: Category, folder: string) => Promise<void>): void =>
  Deno.test(name, () => inFolder(async (folder) => await body(await tinyCategory(folder), folder)));

test("stopped and gone on with, it ends with the same bytes", async (category, folder) => {
  const whole = join(folder, "whole");
  await train(category, whole, TINY);
  const wanted = await bytesIn(whole);
  deepEqual(Object.keys(wanted).sort(), FILES.toSorted());

  for (const stops of [[1], [5], [1, 4, 9], [9, 10]]) {
    const out = join(folder, `stopped ${stops}`);
    let done = 0;
    for (const stop of stops) {
      const [steps, finished] = await trainUntil(category, out, stop, done > 0);
      ok(steps >= stop && steps > done && !finished);
      equal((await readSafetensors(join(out, "checkpoint.safetensors"))).metadata.steps, `${steps}`);
      equal((await Deno.readTextFile(join(out, "log.jsonl"))).split("\n").length, steps + 1);
      done = steps;
    }
    deepEqual(await train(category, out, TINY, { resume: true }), [12, true]);
    deepEqual(await bytesIn(out), wanted, `stopped at ${stops}`);
  }
});

test("stopped at the last step, it finishes all the same", async (category, folder) => {
  const out = join(folder, "out");
  deepEqual(await trainUntil(category, out, 12, false), [12, true]);
  const wanted = await bytesIn(out);
  deepEqual(await train(category, out, TINY, { resume: true }), [12, true]);
  deepEqual(await bytesIn(out), wanted);
});

test("stopped before the first step, it writes nothing, and begins anew", async (category, folder) => {
  const out = join(folder, "out"), signal = AbortSignal.abort();
  deepEqual(await train(category, out, TINY, { signal }), [0, false]);
  deepEqual(await bytesIn(out), {});
  const controller = new AbortController(); // while features are made
  const onProgress = () => controller.abort();
  deepEqual(await train(category, out, TINY, { signal: controller.signal, onProgress }), [0, false]);
  deepEqual(await bytesIn(out), {});
  deepEqual(await train(category, out, TINY, { resume: true }), [12, true]);
});

test(
  "gone on with for more epochs, it ends like one that was meant to be as long",
  async (category, folder) => {
    const long = join(folder, "long"), out = join(folder, "out"), settings = { ...TINY, epochs: 6 };
    await train(category, long, settings);
    await train(category, out, TINY);
    await train(category, out, settings, { resume: true });
    deepEqual(await bytesIn(out), await bytesIn(long));
  },
);

test(
  "other settings, images or features are refused by name, and nothing is touched",
  async (category, folder) => {
    const out = join(folder, "out");
    await train(category, out, TINY);
    const before = await bytesIn(out);
    const others = await tinyCategory(join(folder, "others"), 1);
    const fewer = { ...category, train: category.train.slice(1) };
    const other = { ...source, backbone: gaborBackbone("gabor2") };
    const cases: [
      category: Category,
      change: Partial<Settings<AdtrSettings>>,
      options: Options,
      message: RegExp,
    ][] = [
      [category, { lr: 1e-3 }, {}, /with lr 0\.002, but found 0\.001\.\n/],
      [category, { hidden: 32 }, {}, /with hidden 16, but found 32\.\n/],
      [category, { shuffle: false }, {}, /with shuffle true, but found false\.\n/],
      [category, { feature_norm: "none" }, {}, /with feature_norm position, but found none\.\n/],
      [fewer, {}, {}, /with images 7, but found 6\.\n/],
      [others, {}, {}, /with features_sha256 [0-9a-f]{64}, but found [0-9a-f]{64}\.\n/],
      [category, {}, { source: other }, /with features gabor-\S+, but found gabor2-\S+\.\n/],
      [
        category,
        { epochs: 3 },
        {},
        /^Expected epochs to be at least 4, as many as .* has done, but found 3$/,
      ],
    ];
    const { inUse } = gpu.memory.stats();
    for (const [images, change, options, message] of cases) {
      const settings = { ...TINY, ...change };
      await rejects(() => train(images, out, settings, { resume: true, ...options }), (error: Error) => {
        ok(error instanceof InputError);
        match(error.message, message);
        ok(error.message.split("\n").length <= 2);
        return true;
      });
      deepEqual(await bytesIn(out), before);
    }
    equal(gpu.memory.stats().inUse, inUse);
  },
);

test("killed at random moments and gone on with, it ends with the same bytes", async (category, folder) => {
  const whole = join(folder, "whole"), out = join(folder, "out");
  await train(category, whole, LONG);
  await Deno.mkdir(out);
  const moments = Array.from({ length: 4 }, () => Math.random() * 200);
  for (const moment of moments) await killed(join(folder, "data"), out, "norm", moment);
  const { metadata } = await readSafetensors(join(out, "checkpoint.safetensors"));
  ok(Number(metadata.steps) < 180, `done before it was killed at ${moments}`);
  deepEqual(await train(category, out, LONG, { resume: true }), [180, true]);
  deepEqual(await bytesIn(out), await bytesIn(whole), `killed at ${moments}`);
});
