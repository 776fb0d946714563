/**
 * What commands print and leave behind, without running one.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import {
  type CategoryResult,
  metricsTable,
  pictured,
  pictureNames,
  writeHeatmaps,
} from "../../src/commands/results.ts";
import type { DecisionMetrics } from "../../src/score/evaluate.ts";
import { decodeImage, encodePng } from "../../src/data/image.ts";
import { nearest } from "../../src/nearest.ts";
import { inFolder } from "../folder.ts";

Deno.test("pictures are named by the path from the folder that all images lie in", () => {
  deepEqual(pictureNames([]), []);
  deepEqual(pictureNames(["a/b/x.y.png"]), ["x.y.png"]);
  deepEqual(pictureNames(["a/x.png", "/elsewhere/x.png"]).map((name) => name.endsWith("x.png")), [
    true,
    true,
  ]);
  deepEqual(pictureNames(["t/good/0.png", "t/crack/0.png", "t/9.png"]), [
    "good_0.png",
    "crack_0.png",
    "9.png",
  ]);
  deepEqual(pictureNames(["t/0.png", "t/0.jpg", "./t/0.png"]), ["0.png", "0-2.png", "0-3.png"]);
  deepEqual(
    pictureNames(["t/0-2.png", "t/0.jpg", "t/0.png", "t/0.tif"]),
    ["0-2", "0", "0-3", "0-4"].map((n) => `${n}.png`),
  );
  deepEqual(pictureNames(["t/a.png", "t/A.png"]), ["a.png", "A-2.png"]); // one file to some systems
  const [long, other] = pictureNames([`t/${"é".repeat(120)}.png`, `t/${"é".repeat(120)}.jpg`]);
  ok(new TextEncoder().encode(long).length <= 204 && long !== other);
});

Deno.test("means leave out what is undefined; one category has none", () => {
  const metrics = {
    image_auroc: 0.5,
    image_ap: 1,
    image_f1max: 1,
    pixel_auroc: null,
    pixel_ap: null,
    aupro: null,
  };
  const decided: DecisionMetrics = {
    image_f1max_threshold: null,
    threshold: null,
    pixel_threshold: null,
    defects: {},
  };
  const counts = { tp: 6, fp: 1, tn: 4, fn: 2, precision: 0.5, recall: 0.5, f1: 0.5, fpr: 0.5 };
  const threshold = { value: 1, from: "given" as const, images: 0, ...counts };
  const first: CategoryResult = { metrics, decided, seconds: 2.4 };
  const second: CategoryResult = {
    metrics: { ...metrics, image_auroc: 1, pixel_auroc: 0.75 },
    decided: { ...decided, threshold },
    seconds: 4.4,
  };
  const lines = (text: string): string[] =>
    text.trimEnd().split("\n").map((line) => line.replaceAll(/ +/g, " "));
  deepEqual(lines(metricsTable(new Map([["a", first]]), false)).slice(2), ["a 0.500 – – – – 2"]);
  const both = lines(metricsTable(new Map([["a", first], ["b", second]]), false));
  deepEqual(both.slice(2, 4), ["a 0.500 – – – – 2", "b 1.000 0.750 – 2/8 1/5 4"]);
  equal(both[5], "mean 0.750 0.750 – 3");
});

Deno.test("heat maps take the place of earlier ones, and only when all of them are there", () =>
  inFolder(async (folder) => {
    const path = join(folder, "i.png"), maps = join(folder, "out", "heatmaps");
    await Deno.writeFile(path, encodePng({ width: 8, height: 8, data: new Uint8Array(192) }));
    const image = {
      path,
      map: { width: 8, height: 8, data: Float32Array.from({ length: 64 }, (_, i) => i) },
    };
    deepEqual(await writeHeatmaps(maps, [image, { ...image, truth: new Uint8Array(64) }], 8), [
      "i.png",
      "i-2.png",
    ]);
    deepEqual(await writeHeatmaps(maps, [{ ...image, truth: new Uint8Array(64) }], 8), ["i.png"]);
    const names = async (): Promise<string[]> =>
      await Array.fromAsync(Deno.readDir(maps), ({ name }) => name);
    deepEqual(await names(), ["i.png"]);
    const { width } = await decodeImage(await Deno.readFile(join(maps, "i.png")), "i.png");
    equal(width, 4 * 8 + 3 * 4); // four panels and their gaps
    const missing = { ...image, path: join(folder, "none.png") };
    await writeHeatmaps(maps, [image, image, missing], 8).then(() => ok(false), () => {});
    deepEqual(await names(), ["i.png"]);
    deepEqual(await Array.fromAsync(Deno.readDir(join(folder, "out")), ({ name }) => name), ["heatmaps"]);
  }));

Deno.test("at most 200 test images are drawn, evenly spaced, of both kinds where there are both", () => {
  const images = (labels: (0 | 1)[]) => labels.map((label, i) => ({ label, i }));
  const few = images(Array.from({ length: 200 }, (_, i) => i % 2 as 0 | 1));
  equal(pictured(few), few);
  deepEqual(pictured([]), []);
  const steps = (found: readonly { i: number }[]): number[] =>
    [...new Set(found.slice(1).map(({ i }, at) => i - found[at].i))].sort();
  for (const normal of [0, 1, 500, 999, 1000]) { // the last normal ones of 1000
    const all = images(Array.from({ length: 1000 }, (_, i) => i < 1000 - normal ? 1 : 0));
    const drawn = pictured(all), good = drawn.filter(({ label }) => label === 0);
    equal(new Set(drawn).size, 200);
    ok(Math.abs(good.length - normal / 5) <= 1, `${good.length} of ${normal}`);
    ok(good.length > 0 || normal === 0);
    ok(good.length < 200 || normal === 1000);
    for (const some of [good, drawn.slice(good.length)]) {
      ok(steps(some).every((step) => step === 5 || step === 6));
    }
  }
});

Deno.test("of many test images mistakes are drawn first, as half of all where there are others enough", () => {
  const images = (mistakes: number) =>
    Array.from({ length: 600 }, (_, i) => {
      const label = i % 2 as 0 | 1, isRight = i >= mistakes;
      return { label, called: (label === 1) === isRight ? "anomalous" as const : "normal" as const, i };
    });
  for (const [mistakes, wanted] of [[0, 0], [7, 7], [100, 100], [400, 100], [550, 150], [600, 200]]) {
    const drawn = pictured(images(mistakes)), wrong = drawn.filter(({ i }) => i < mistakes);
    deepEqual([new Set(drawn).size, wrong.length], [200, wanted]);
    deepEqual([...new Set(drawn.map(({ label }) => label))], [0, 1]);
  }
});

Deno.test("the nearest name is one that takes few edits", () => {
  deepEqual(nearest("epohcs", ["seed", "epochs", "lr"]), "epochs");
  equal(nearest("lr", ["epochs"]), undefined);
  equal(nearest("", ["a"]), undefined);
  equal(nearest("epochs".repeat(1_000_000), ["seed", "epochs", "lr"]), undefined);
});
