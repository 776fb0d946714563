/**
 * Images held out in turn: each is scored by a model that has not seen it, and a training that is stopped meanwhile ends with
 * the same bytes.
 *
 * @module
 */
import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { Category } from "../../src/data/category.ts";
import { files } from "../../src/host/image_files.ts";
import { openModel } from "../../src/host/open_model.ts";
import { RunFolder } from "../../src/host/run_folder.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import type { Settings } from "../../src/methods/settings.ts";
import { initialAdtr } from "../../src/model/adtr.ts";
import { configOf } from "../../src/methods/adtr/method.ts";
import { scoreImages } from "../../src/score/score.ts";
import { learn } from "../../src/train/learn.ts";
import { train as trainOn } from "../../src/train/train.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { bytesIn, type Options, train, trainUntil } from "./runs.ts";
import { TINY, tinyCategory, tinySettings, tinySource } from "./tiny.ts";

const source = tinySource(gpu);
const FOLDS = { folds: 3 };
const CONFIG = configOf(TINY, { C: 81, H: 4, W: 4 });
const METHODS = [
  tinySettings({ method: "knn", ...FOLDS }),
  tinySettings({ method: "padim", components: 5, feature_length: "unit", ...FOLDS }),
  tinySettings({ method: "gaussian", ...FOLDS }),
  { ...TINY, ...FOLDS },
  { ...TINY, ...FOLDS, loss: "px", base_epochs: 2, epochs: 1 },
] as Settings[];

const test = (name: string, body: (category: Category, folder: string) => Promise<void>): void =>
  Deno.test(name, () => inFolder(async (folder) => await body(await tinyCategory(folder), folder)));

test("every image's score is that of a model trained on the images of other parts", async (category) => {
  for (const settings of METHODS) {
    const own = { ...source, pooled: methodNamed(settings.method).pooled };
    using model = (await learn({ source: own, category, settings }))!;
    const { scores, peaks } = model.heldOut!, S = settings.image_size;
    equal(scores.length, category.train.length);
    for (let k = 0; k < 3; k++) {
      const of = (isMine: boolean) => category.train.filter((_, i) => (i % 3 === k) === isMine);
      const others = { ...category, train: of(false) };
      using part = (await learn({ source: own, category: others, settings: { ...settings, folds: 0 } }))!;
      equal(part.heldOut, null);
      let i = k;
      for await (const { score, map } of scoreImages(part, of(true))) {
        equal(scores[i], score, `${settings.method}: image ${i}`);
        equal(peaks?.[i], map?.data.reduce((a, b) => Math.max(a, b)));
        equal(map?.data.length ?? S * S, S * S);
        i += 3;
      }
    }
    const { image, pixel } = model.decision;
    deepEqual(image, { value: scores.toSorted().at(-1), from: "normal-quantile", at: 0.95, images: 7 });
    equal(pixel === null, peaks === null);
  }
});

test(
  "stopped while images are held out and gone on with, it ends with the same bytes",
  async (category, folder) => {
    for (const [i, settings] of METHODS.slice(-2).entries()) {
      const whole = join(folder, `whole ${i}`), out = join(folder, `stopped ${i}`);
      await train(category, whole, settings);
      const wanted = await bytesIn(whole);
      ok(!Object.keys(wanted).some((name) => name.startsWith("held-out")), "their folders are gone");
      let resume = false;
      for (const steps of [1, 4]) {
        deepEqual(
          (await trainUntil(["held-out images", steps], category, out, settings, { resume }))[1],
          false,
        );
        resume = true;
      }
      equal((await train(category, out, settings, { resume }))[1], true);
      deepEqual(await bytesIn(out), wanted);

      // Gone on with at its end, nothing is trained again.
      const phases = new Set<string>();
      const onProgress: Options["onProgress"] = ({ phase, done, total }) =>
        void (done < total && phases.add(phase));
      equal((await train(category, out, settings, { resume, onProgress }))[1], true);
      ok(!phases.has("held-out images"));
      deepEqual(await bytesIn(out), wanted);
    }
  },
);

test("where nothing can be held out there is a model without a threshold, and a warning says why", async (category) => {
  const warnings: string[] = [];
  const of = async (train: string[], given: Partial<Settings> = {}, init?: unknown) => {
    const { method } = { method: "knn", ...given }, { pooled } = methodNamed(method);
    const own = { ...source, pooled, onWarning: (text: string) => void warnings.push(text) };
    const settings = tinySettings({ method, ...FOLDS, ...given }) as Settings;
    return (await learn({ source: own, category: { ...category, train }, settings, init }))!;
  };
  const [a, b] = category.train, none = { image: null, pixel: null, spread: null };
  using one = await of([a]);
  deepEqual(one.decision, none);
  match(warnings.splice(0).join(), /^grid: no threshold .*: of one image none can be held out$/);
  using two = await of([a, b]);
  equal(two.heldOut!.scores.length, 2);
  deepEqual(warnings, []);

  // The third part is scored by a model of a, a: there is nothing to learn from an image that is there twice.
  using alike = await of([a, a, b], { method: "gaussian" });
  deepEqual([alike.decision, alike.heldOut], [none, null]);
  match(warnings.join(), /^grid: no threshold was found on held-out images: Expected .* all alike$/);

  warnings.length = 0;
  const init = new Map([...initialAdtr(CONFIG, 1)]);
  using begun = await of(category.train, { ...TINY, ...FOLDS } as Settings, init);
  equal(begun.heldOut, null);
  match(warnings.join(), /^grid: no threshold .*: what the training begins with may have learned from them$/);
});

test("labels of test images are used where a rule asks for them, and must be there", async (category) => {
  const settings = tinySettings({ method: "knn", folds: 0, threshold: "f1", pixel_threshold: "fpr:0.1" });
  const data = { images: files, category };
  using model = await trainOn(gpu, { data, settings: settings as Settings, method: "knn" });
  const { image, pixel } = model.decision, { length } = category.test;
  deepEqual([image!.from, image!.images, pixel!.from, pixel!.images], ["f1", length, "fpr", length]);
  await rejects(
    trainOn(gpu, {
      data: { images: files, category: { ...category, test: [] } },
      settings: settings as Settings,
    }),
    /^SettingError: Expected test images of grid for threshold f1, but found none$/,
  );
});

test("the file keeps it; with other settings of scoring it does not hold", async (category, folder) => {
  const settings = tinySettings({ method: "knn", ...FOLDS, threshold: 2.5 }) as Settings;
  using model = (await learn({ source, category, settings, journal: new RunFolder(folder, false) }))!;
  const path = join(folder, "model.safetensors");
  using opened = await openModel(gpu, path);
  deepEqual([opened.decision, opened.heldOut], [model.decision, model.heldOut]);
  deepEqual(opened.decision.image, { value: 2.5, from: "given", images: 0 });
  notEqual(opened.decision.spread, null);
  using otherwise = await openModel(gpu, path, { settings: { sigma: 3 } });
  deepEqual([otherwise.decision.image, otherwise.heldOut], [null, null]);
  using same = await openModel(gpu, path, { settings: { sigma: settings.sigma } });
  deepEqual(same.decision, model.decision);
});
