/**
 * A training from features to a model file: what it logs, in which order it sees images, and how it fails.
 *
 * @module
 */
import { deepEqual, equal, notDeepEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { initialAdtr } from "../../src/model/adtr.ts";
import { paddedChannels } from "../../src/model/layout.ts";
import { FittedAdtr } from "../../src/methods/adtr/fitted.ts";
import { configOf } from "../../src/methods/adtr/method.ts";
import type { AdtrSettings } from "../../src/methods/adtr/settings.ts";
import { type AdtrState, fromState } from "../../src/methods/adtr/state.ts";
import { type ModelFile, parseModel } from "../../src/methods/model_file.ts";
import { normalisationOf } from "../../src/model/normalisation.ts";
import { extractFeatures } from "../../src/score/features.ts";
import { readLog } from "../../src/host/log.ts";
import { RunFolder } from "../../src/host/run_folder.ts";
import type { ProgressEvent } from "../../src/progress.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { type Options, train as trainIn } from "./runs.ts";
import { TINY, tinyCategory, tinySource } from "./tiny.ts";

const source = tinySource(gpu);

const CONFIG = configOf(TINY, { C: 81, H: 4, W: 4 });

/** Trains in a folder with some settings changed. @returns the steps done */
async function train(
  folder: string,
  change: Partial<AdtrSettings & { seed: number }> = {},
  { category, ...options }: Options = {},
): Promise<number> {
  const [steps] = await trainIn(
    category ?? await tinyCategory(folder),
    folder,
    { ...TINY, ...change },
    options,
  );
  return steps;
}

/** The model in a folder. */
async function modelIn(folder: string): Promise<ModelFile & { adtr: AdtrState }> {
  const path = join(folder, "model.safetensors"), file = parseModel(await Deno.readFile(path), path);
  return { ...file, adtr: fromState(file.state) };
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

Deno.test("log.jsonl has a line a step, the learning rate falls once, and so does the loss over time", () =>
  inFolder(async (folder) => {
    const epochs = 40, lr_step = 25;
    const events: ProgressEvent[] = [];
    const onProgress = (event: ProgressEvent) => void events.push(event);
    equal(await train(folder, { epochs, lr_step, lr: 5e-3 }, { onProgress }), 120);
    const lines = (await Deno.readTextFile(join(folder, "log.jsonl"))).trimEnd().split("\n");
    equal(lines.length, 120);
    for (const [i, line] of lines.entries()) {
      const { step, epoch, loss, lr, grad_norm, ...others } = JSON.parse(line);
      deepEqual([step, epoch, others], [i + 1, Math.floor(i / 3) + 1, {}]);
      equal(lr, epoch <= lr_step ? 5e-3 : 0.1 * 5e-3);
      ok(loss > 0 && grad_norm > 0 && Math.fround(loss) === loss);
    }
    const losses = (await readLog(join(folder, "log.jsonl"))).map(({ loss }) => loss);
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    ok(mean(losses.slice(-12)) < 0.85 * mean(losses.slice(0, 12)), `${losses}`);

    const features = events.filter(({ phase, done }) => phase === "features" && done > 0);
    deepEqual(features.map(({ done }) => done), [1, 2, 3, 4, 5, 6, 7]);
    const training = events.filter(({ phase }) => phase === "training");
    ok(training.length >= epochs); // at least one an epoch
    const { done, total, unit, images, epoch, loss, category } = training.at(-1)!;
    deepEqual([done, total, unit, images, epoch, category], [120, 120, "steps", 280, epochs, "grid"]);
    ok(Math.abs(loss! - mean(losses.slice(-3))) < 1e-12);
  }));

Deno.test("one seed gives the same files, another one others", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder);
    const run = async (change: { seed?: number }, options: Options = {}) => {
      await train(folder, change, { category, ...options });
      const files = ["model.safetensors", "log.jsonl", "checkpoint.safetensors"];
      return await Promise.all(files.map((file) => Deno.readFile(join(folder, file))));
    };
    const first = await run({});
    deepEqual(await run({}), first);
    deepEqual(await run({}, { checkpointSeconds: 0 }), first);
    const other = await run({ seed: 1 });
    first.forEach((bytes, i) => notDeepEqual(other[i], bytes));
    deepEqual(await names(folder), [
      "checkpoint.previous.safetensors",
      "checkpoint.safetensors",
      "data",
      "log.jsonl",
      "model.safetensors",
    ]);
  }));

Deno.test("the model file says what it was trained with", () =>
  inFolder(async (folder) => {
    await train(folder, { epochs: 1 });
    const { method, sizes, adtr, info } = await modelIn(folder);
    equal(method.name, "adtr");
    deepEqual(sizes, CONFIG);
    ok(adtr.normalisation !== null && adtr.covariance !== null);
    const { features_sha256, ...rest } = info;
    ok(/^[0-9a-f]{64}$/.test(`${features_sha256}`));
    deepEqual(rest, {
      ...TINY,
      epochs: 1,
      category: "grid",
      features: source.backbone.fingerprint,
      images: 7,
    });
  }));

Deno.test("without feature normalisation there is none in the model", () =>
  inFolder(async (folder) => {
    await train(folder, { epochs: 1, feature_norm: "none" });
    equal((await modelIn(folder)).adtr.normalisation, null);
  }));

/** Mean squared residual of each batch of images under the initial parameters. */
async function initialLosses(paths: string[], batches: number[][]): Promise<number[]> {
  const features = await extractFeatures(source, paths), C = 81, N = 16;
  const normalisation = normalisationOf(features, C);
  const parameters = initialAdtr(CONFIG, TINY.seed);
  const known = { covariance: null, positions: null };
  using fitted = new FittedAdtr(gpu, { config: CONFIG, parameters, normalisation, ...known });
  const losses: number[] = [];
  for (const batch of batches) {
    const values = batch.flatMap((i) => Array.from(features[i]));
    await gpu.step(async (gpu) => {
      const d = await gpu.read(fitted.residual(gpu, gpu.tensor(values, [batch.length, N, C])));
      equal(d.length, batch.length * N * paddedChannels(C));
      losses.push(d.reduce((sum, v) => sum + v * v, 0) / (batch.length * N * C));
    });
  }
  return losses;
}

function close(found: number[], wanted: number[]): void {
  equal(found.length, wanted.length);
  found.forEach((value, i) => ok(Math.abs(value / wanted[i] - 1) < 1e-5, `${found} instead of ${wanted}`));
}

// With a learning rate that changes nothing, a step's loss tells which images it saw.
const STILL = { lr: 1e-30, dropout: 0, epochs: 2 };

Deno.test("without shuffling, files come in order, and the last batch is a short one", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder);
    await train(folder, { ...STILL, shuffle: false }, { category });
    const wanted = await initialLosses(category.train, [[0, 1, 2], [3, 4, 5], [6]]);
    close((await readLog(join(folder, "log.jsonl"))).map(({ loss }) => loss), [...wanted, ...wanted]);
  }));

Deno.test("with shuffling, an epoch sees every image once, and each epoch in an order of its own", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder);
    await train(folder, { ...STILL, batch_size: 1, epochs: 3 }, { category });
    const losses = (await readLog(join(folder, "log.jsonl"))).map(({ loss }) => loss);
    const wanted = await initialLosses(category.train, [[0], [1], [2], [3], [4], [5], [6]]);
    const epochs = [0, 7, 14].map((first) => losses.slice(first, first + 7));
    for (const epoch of epochs) close(epoch.toSorted(), wanted.toSorted());
    notDeepEqual(epochs[0], epochs[1]);
    notDeepEqual(epochs[1], epochs[2]);
  }));

Deno.test("a batch larger than the data set, and a single image", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder);
    equal(await train(folder, { batch_size: 100 }, { category }), TINY.epochs);
    const one = { ...category, train: category.train.slice(0, 1) };
    equal(await train(folder, {}, { category: one }), TINY.epochs);
  }));

Deno.test("initial parameters can be given", () =>
  inFolder(async (folder) => {
    const given = initialAdtr(CONFIG, 99);
    await train(folder, { ...STILL, weight_decay: 0 }, { init: given });
    const { adtr } = await modelIn(folder);
    for (const [name, { data }] of given) {
      const found = adtr.parameters.get(name)!.data;
      ok(data.every((value, i) => Math.abs(value - found[i]) < 1e-20), name); // zeros move by the learning rate
    }
  }));

Deno.test("1000 steps leave the pool's size unchanged, and the end gives everything back", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder);
    await train(folder, {}, { category });
    const before = gpu.memory.stats(), seen: object[] = [];
    const onProgress = ({ phase, done }: ProgressEvent) => {
      const { held, buffers, inUse } = gpu.memory.stats();
      if (phase === "training" && done > 3) seen.push({ held, buffers, inUse });
    };
    await train(folder, { epochs: 334 }, { category, onProgress, checkpointSeconds: 1 });
    ok(seen.length > 60); // looks, of a few steps each
    for (const stats of seen) deepEqual(stats, seen[0]);
    const { held, buffers, inUse } = gpu.memory.stats();
    deepEqual({ held, buffers, inUse }, { held: before.held, buffers: before.buffers, inUse: before.inUse });
  }));

Deno.test("a loss that is no number ends the training with a word on what helps", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder), { inUse } = gpu.memory.stats();
    const message = (when: string) =>
      `Expected a finite loss and gradient of grid, but found them beyond float32 ${when}.\n` +
      "Lower lr, or set clip.";
    await rejects(() => train(folder, { lr: 1e30 }, { category }), {
      name: "SettingError",
      kind: "divergence",
      message: message("at step 2"),
    });
    deepEqual((await readLog(join(folder, "log.jsonl"))).map(({ step }) => step), [1]);
    deepEqual(await names(folder), ["data", "log.jsonl"]);
    await rejects(() => train(folder, { lr: 1e30, epochs: 1, batch_size: 7 }, { category }), {
      name: "SettingError",
      kind: "divergence",
      message: message("after the last step"),
    });
    ok(!(await names(folder)).includes("model.safetensors"));
    equal(gpu.memory.stats().inUse, inUse);
  }));

Deno.test("a folder that can't be written to is named", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder), { inUse } = gpu.memory.stats();
    await Deno.writeTextFile(join(folder, "file"), "");
    const cases = { none: "No such file or directory", file: "Not a directory" };
    for (const [name, reason] of Object.entries(cases)) {
      const out = join(folder, name);
      await rejects(() => train(folder, {}, { category, journal: new RunFolder(out, false) }), {
        name: "InputError",
        message: `Can't write ${join(out, "log.jsonl")}: ${reason}`,
      });
    }
    equal(gpu.memory.stats().inUse, inUse);
  }));

Deno.test("an image that can't be read is named before anything is written", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder);
    await Deno.writeTextFile(category.train[6], "no image");
    await rejects(() => train(folder, {}, { category }), {
      name: "InputError",
      message: /^Expected .*grid\/train\/good\/006\.png to be a PNG, /,
    });
    deepEqual(await names(folder), ["data"]);
  }));
