/**
 * ADTR+ without initial parameters: an ADTR is trained first, and both phases can be stopped and gone on with.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import type { Category } from "../../src/data/category.ts";
import { initialAdtr } from "../../src/model/adtr.ts";
import { isThere } from "../../src/host/files.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { configOf } from "../../src/methods/adtr/method.ts";
import type { AdtrSettings } from "../../src/methods/adtr/settings.ts";
import { parametersIn } from "../../src/methods/adtr/state.ts";
import type { Settings } from "../../src/methods/settings.ts";
import type { ProgressEvent } from "../../src/progress.ts";
import { maskFile, picture } from "../data/pictures.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { killed } from "./killed.ts";
import { bytesIn, type Options, train, trainUntil } from "./runs.ts";
import { LONG, TINY, tinyCategory } from "./tiny.ts";

/** With 7 images 12 steps of ADTR and 6 of ADTR+; with outliers 10. */
const PLUS: Settings<AdtrSettings> = { ...TINY, loss: "px", base_epochs: 4, epochs: 2, image_k: 5 };
const CONFIG = configOf(TINY, { C: 81, H: 4, W: 4 });
const FILES = ["checkpoint.safetensors", "log.jsonl", "model.safetensors"];

const test = (name: string, body: (category: Category, folder: string) => Promise<void>): void =>
  Deno.test(name, () => inFolder(async (folder) => await body(await tinyCategory(folder), folder)));

/** What each loss learns from besides normal images. */
async function kinds(folder: string): Promise<[Settings<AdtrSettings>, Options][]> {
  const outliers = Array.from({ length: 3 }, (_, i) => join(folder, `${i}.png`));
  for (const path of outliers) await Deno.writeFile(path, picture(path.slice(folder.length), 32, 32));
  return [
    [PLUS, {}],
    [{ ...PLUS, anomalies: "cutpaste", anomaly_pool: 5 }, {}],
    [{ ...PLUS, loss: "img" }, { outliers }],
  ];
}

test("it is the same as training ADTR by itself, and giving its parameters", async (category, folder) => {
  for (const [i, [settings, options]] of (await kinds(folder)).entries()) {
    const [run, base, plus] = ["run", "base", "plus"].map((name) => join(folder, `${name}${i}`));
    const events: ProgressEvent[] = [];
    const steps = settings.loss === "px" ? 6 : 10;
    deepEqual(
      await train(category, run, settings, { ...options, onProgress: (event) => events.push(event) }),
      [steps, true],
    );
    await train(category, base, { ...settings, loss: "norm", epochs: 4 });
    const init = parametersIn(await readSafetensors(join(base, "model.safetensors")), CONFIG);
    deepEqual(await train(category, plus, settings, { ...options, init }), [steps, true]);
    const whole = await bytesIn(run), first = await bytesIn(base), second = await bytesIn(plus);
    deepEqual(Object.keys(second).sort(), FILES);
    deepEqual(Object.keys(whole).sort(), [...FILES.map((name) => join("adtr", name)), ...FILES]);
    for (const name of FILES) {
      deepEqual(whole[join("adtr", name)], first[name]);
      deepEqual(whole[name], second[name]);
    }
    const phases = events.map(({ phase }) => phase).filter((phase, at, all) => phase !== all[at - 1]);
    deepEqual(phases, ["features", "base training", "training"]);
    const last = (phase: string) => events.findLast((event) => event.phase === phase)!;
    deepEqual([last("base training").total, last("base training").epochs], [12, 4]);
    deepEqual([last("training").total, last("training").epochs], [steps, 2]);
  }
});

test("without epochs of ADTR it begins with the parameters of the seed", async (category, folder) => {
  const [out, given] = [join(folder, "out"), join(folder, "given")], settings = { ...PLUS, base_epochs: 0 };
  await train(category, out, settings);
  await train(category, given, settings, { init: initialAdtr(CONFIG, PLUS.seed) });
  deepEqual(Object.keys(await bytesIn(out)).sort(), FILES);
  deepEqual(await bytesIn(out), await bytesIn(given));
});

test("stopped in either phase and gone on with, it ends with the same bytes", async (category, folder) => {
  const BASE = "base training", OWN = "training";
  const stops = [[[BASE, 5]], [[BASE, 12]], [[OWN, 1]], [[BASE, 1], [BASE, 7], [OWN, 2]]] as const;
  for (const [i, [settings, options]] of (await kinds(folder)).entries()) {
    const whole = join(folder, `whole${i}`);
    await train(category, whole, settings, options);
    const wanted = await bytesIn(whole);
    for (const [j, moments] of stops.slice(i === 0 ? 0 : -1).entries()) {
      const out = join(folder, `out${i}.${j}`);
      for (const [k, moment] of moments.entries()) {
        const [, finished] = await trainUntil(moment, category, out, settings, { ...options, resume: k > 0 });
        ok(!finished);
      }
      deepEqual(await train(category, out, settings, { ...options, resume: true }), [
        settings.loss === "px" ? 6 : 10,
        true,
      ]);
      deepEqual(await bytesIn(out), wanted, `stopped at ${moments}`);
    }
  }
});

test(
  "killed at random moments in both phases and gone on with, it ends with the same bytes",
  async (category, folder) => {
    const whole = join(folder, "whole"),
      out = join(folder, "out"),
      settings: Settings<AdtrSettings> = { ...LONG, loss: "px" };
    await train(category, whole, settings);
    await Deno.mkdir(out);
    const moments = Array.from({ length: 2 }, () => Math.random() * 200), data = join(folder, "data");
    await killed(data, out, "px", moments[0]);
    ok(!await isThere(join(out, "log.jsonl")), `killed before ADTR was done: ${moments}`);
    await trainUntil(["training", 1], category, out, settings, { resume: true });
    await killed(data, out, "px", moments[1]);
    const { metadata } = await readSafetensors(join(out, "checkpoint.safetensors"));
    ok(Number(metadata.steps) < 180, `killed before ADTR+ was done: ${moments}`);
    deepEqual(await train(category, out, settings, { resume: true }), [180, true]);
    deepEqual(await bytesIn(out), await bytesIn(whole), `killed at ${moments}`);
  },
);

test("with a checkpoint of its own, it needs that of ADTR no more", async (category, folder) => {
  const [whole, out] = [join(folder, "whole"), join(folder, "out")];
  await train(category, whole, PLUS);
  await trainUntil(["training", 2], category, out, PLUS, {});
  await Deno.remove(join(out, "adtr"), { recursive: true });
  await train(category, out, PLUS, { resume: true });
  await Deno.remove(join(whole, "adtr"), { recursive: true });
  deepEqual(await bytesIn(out), await bytesIn(whole));
});

test(
  "other settings or images are refused in either phase, and nothing is touched",
  async (category, folder) => {
    const stops = [["base training", 5], ["training", 2]] as const;
    const fewer = { ...category, train: category.train.slice(1) };
    for (const [i, stop] of stops.entries()) {
      const out = join(folder, `out${i}`);
      await trainUntil(stop, category, out, PLUS, {});
      const before = await bytesIn(out);
      const cases: [Category, Partial<AdtrSettings>, RegExp][] = [
        [category, { alpha: 0.5 }, /with alpha 0\.003, but found 0\.5/],
        [category, { anomalies: "perlin" }, /with anomalies confetti, but found perlin/],
        [category, { base_epochs: 5 }, /with base_epochs 4, but found 5/],
        [fewer, {}, /with images 7, but found 6/],
      ];
      for (const [images, change, message] of cases) {
        await rejects(() => train(images, out, { ...PLUS, ...change }, { resume: true }), {
          name: "InputError",
          message,
        });
        deepEqual(await bytesIn(out), before);
      }
    }
  },
);

test("a finished ADTR whose checkpoint is gone is not trained again", async (category, folder) => {
  const out = join(folder, "out");
  await trainUntil(["base training", 12], category, out, PLUS, {});
  await Deno.remove(join(out, "adtr", "checkpoint.safetensors"));
  const before = await bytesIn(out);
  await rejects(() => train(category, out, PLUS, { resume: true }), (error: Error) => {
    ok(error instanceof InputError);
    match(
      error.message,
      /^Expected .*adtr.checkpoint\.safetensors to go on from, but found only a finished model\.\n/,
    );
    return true;
  });
  deepEqual(await bytesIn(out), before);
});

test(
  "what anomalous images lack is told before ADTR is trained, and nothing is written",
  async (category, folder) => {
    const out = join(folder, "out"),
      [path, text, mask, large, blank, dot] = [
        "bad.png",
        "text.png",
        "mask.png",
        "large.png",
        "blank.png",
        "dot.png",
      ]
        .map((name) => join(folder, name));
    await Deno.writeFile(path, picture("bad", 64, 64));
    await Deno.writeTextFile(text, "no image");
    await Deno.writeFile(mask, maskFile(64 * 32, 64, 64));
    await Deno.writeFile(large, maskFile(64 * 32, 64, 65));
    await Deno.writeFile(blank, maskFile(0, 64, 64));
    await Deno.writeFile(dot, maskFile(1, 64, 64)); // between the pixels that are taken
    const img: Settings<AdtrSettings> = { ...PLUS, loss: "img" }, none = join(folder, "none.png");
    const cases: [Settings<AdtrSettings>, Options, RegExp][] = [
      [
        PLUS,
        { anomalous: [{ path, mask: null }] },
        /^Expected a mask for .*bad\.png, whose pixels are to be learned from, but found none$/,
      ],
      [
        PLUS,
        { anomalous: [{ path, mask: blank }] },
        /^Expected .*blank\.png to mark pixels of .*bad\.png, but found none at 32×32 pixels$/,
      ],
      [
        PLUS,
        { anomalous: [{ path, mask: dot }] },
        /^Expected .*dot\.png to mark pixels of .*bad\.png, but found none at 32×32 pixels$/,
      ],
      [
        PLUS,
        { anomalous: [{ path, mask: large }] },
        /^Expected .*large\.png to be 64×64 pixels as its image is, but found 64×65$/,
      ],
      [PLUS, { anomalous: [{ path, mask: text }] }, /^Expected .*text\.png to be a PNG/],
      [PLUS, { anomalous: [{ path, mask: none }] }, /^Can't read .*none\.png/],
      [PLUS, { anomalous: [{ path: text, mask }] }, /^Expected .*text\.png to be a PNG/],
      [img, { anomalous: [{ path: none, mask: null }] }, /^Can't read .*none\.png/],
      [img, {}, /^Expected anomalous images to learn from: irrelevant ones, .*; but found none$/],
      [img, { outliers: [path, text] }, /^Expected .*text\.png to be a PNG/],
    ];
    const { inUse } = gpu.memory.stats();
    for (const [settings, options, message] of cases) {
      await rejects(() => train(category, out, settings, options), { name: "InputError", message });
      deepEqual(await bytesIn(out), {});
    }
    equal(gpu.memory.stats().inUse, inUse);
  },
);

test(
  "drawing in every step leaves the pool's size unchanged, and the end gives everything back",
  async (category, folder) => {
    const out = join(folder, "out"), settings = { ...PLUS, base_epochs: 0 };
    await train(category, out, settings);
    const before = gpu.memory.stats(), seen: object[] = [];
    const onProgress = ({ phase, done }: ProgressEvent) => {
      const { held, buffers, inUse } = gpu.memory.stats();
      if (phase === "training" && done > 3) seen.push({ held, buffers, inUse });
    };
    await train(category, out, { ...settings, epochs: 20 }, { onProgress });
    ok(seen.length > 15);
    for (const stats of seen) deepEqual(stats, seen[0]);
    const { held, buffers, inUse } = gpu.memory.stats();
    deepEqual({ held, buffers, inUse }, { held: before.held, buffers: before.buffers, inUse: before.inUse });
  },
);
