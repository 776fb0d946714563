/**
 * Several at once on one GPU: what one does is not mixed with what another does.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Settings } from "../../src/methods/settings.ts";
import type { Model } from "../../src/score/model.ts";
import { learn } from "../../src/train/learn.ts";
import { inFolder } from "../folder.ts";
import { gpu } from "../gpu.ts";
import { TINY, tinyCategory, tinyMethod, tinySource } from "../train/tiny.ts";

const source = tinySource(gpu);

Deno.test("models of two methods score at once as each by itself", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder), models: Model[] = [];
    for (const name of ["adtr", "spade", "patchcore"]) {
      models.push((await learn({ source, category, settings: tinyMethod(name) }))!);
    }
    const [file, other] = await Promise.all(category.test.slice(0, 2).map(({ path }) => Deno.readFile(path)));
    const wanted = [];
    for (const model of models) wanted.push(await model.score(file), await model.score(other));
    const found = await Promise.all(models.flatMap((model) => [model.score(file), model.score(other)]));
    deepEqual(found, wanted);
    for (const model of models) model[Symbol.dispose]();
  }));

Deno.test("a training and another method's learning go on while images are scored, to the same bytes", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder), settings: Settings = { ...TINY, epochs: 8 };
    using alone = (await learn({ source, category, settings }))!;
    using scorer = (await learn({ source, category, settings: tinyMethod("padim") }))!;
    const wanted = await alone.toBytes(), [learned] = [await scorer.toBytes()];
    const file = await Deno.readFile(category.test[0].path), one = await scorer.score(file);
    const { inUse } = gpu.memory.stats();
    {
      let over = false, times = 0;
      const training = learn({ source, category, settings }).finally(() => over = true);
      const again = learn({ source, category, settings: tinyMethod("padim") });
      while (!over) {
        deepEqual(await scorer.score(file), one);
        times++;
      }
      ok(times > 3, `${times}`);
      using trained = (await training)!;
      using other = (await again)!;
      deepEqual(await trained.toBytes(), wanted);
      deepEqual(await other.toBytes(), learned);
    }
    equal(gpu.memory.stats().inUse, inUse);
  }));

Deno.test("two trainings at once end as one after the other", () =>
  inFolder(async (folder) => {
    const category = await tinyCategory(folder);
    const bytesOf = async (seed: number) => {
      using model = (await learn({ source, category, settings: { ...TINY, seed } }))!;
      return await model.toBytes();
    };
    const wanted = [await bytesOf(1), await bytesOf(2)];
    deepEqual(await Promise.all([bytesOf(1), bytesOf(2)]), wanted);
  }));
