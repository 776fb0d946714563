/**
 * What `data check` finds in a data set.
 *
 * @module
 */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { checkDataset } from "../../src/host/check_dataset.ts";
import { inFolder } from "../folder.ts";
import { maskFile, picture, writeTree } from "../data/pictures.ts";

const SOUND = [
  "train/good/0.png",
  "train/good/1.png",
  "train/dent/0.png",
  "test/good/0.png",
  "test/dent/1.png",
  "test/hole/0.png",
  "ground_truth/dent/0_mask.png",
  "ground_truth/dent/1_mask.png",
  "ground_truth/hole/0_mask.png",
];

Deno.test("a sound data set: numbers, sizes and formats, nothing to complain of", () =>
  inFolder(async (root) => {
    await writeTree(root, SOUND.map((path) => `bottle/${path}`));
    await Deno.writeFile(join(root, "bottle/train/good/2.png"), picture("larger", 30, 9));
    const progress: unknown[] = [];
    deepEqual(await checkDataset(root, undefined, (...args) => progress.push(args)), [{
      name: "bottle",
      train: 3,
      anomalous: 1,
      testGood: 1,
      testDefect: 2,
      defects: { dent: 1, hole: 1 },
      width: [12, 30],
      height: [9, 10],
      sizes: 2,
      formats: { PNG: 7 },
      errors: [],
      warnings: [],
    }]);
    deepEqual(progress, Array.from({ length: 7 }, (_, i) => ["bottle", i + 1, 7]));
  }));

Deno.test("every fault is found, and the rest is still checked", () =>
  inFolder(async (root) => {
    await writeTree(root, SOUND);
    const put = (path: string, bytes: Uint8Array): Promise<void> => Deno.writeFile(join(root, path), bytes);
    await put("train/good/2.png", new TextEncoder().encode("no picture"));
    await put("train/good/3.gif", new Uint8Array(9));
    await put("test/dent/2.png", picture("without mask"));
    await put("test/good/1.png", await Deno.readFile(join(root, "train/good/1.png")));
    await put("ground_truth/dent/1_mask.png", maskFile(5, 12, 11));
    await put("ground_truth/hole/0_mask.png", maskFile(0));
    await put("ground_truth/hole/7_mask.png", maskFile(5));
    const [{ train, testDefect, sizes, errors, warnings }] = await checkDataset(root);
    deepEqual([train, testDefect, sizes], [3, 3, 1]);
    const expectAll = (found: string[], patterns: RegExp[]): void => {
      equal(found.length, patterns.length, found.join("\n"));
      for (const pattern of patterns) {
        ok(found.some((text) => pattern.test(text)), `${pattern} in\n${found.join("\n")}`);
      }
    };
    expectAll(errors, [
      /image for the mask .*7_mask/,
      /good.2\.png .*something else/,
      /1_mask\.png.*12×10.*12×11/,
      /Expected a mask for .*dent.2\.png, as other/,
    ]);
    expectAll(warnings, [
      /test.good.1\.png holds the same bytes as .*train.good.1\.png/,
      /hole.0_mask\.png marks no pixel of .*hole.0\.png/,
      /train.good holds 1 images .*3\.gif/,
    ]);
  }));

Deno.test("categories by name, and an empty one among them", () =>
  inFolder(async (root) => {
    await writeTree(root, ["a/train/good/0.png", "b/train/good/x.txt", "c/train/good/0.png"]);
    deepEqual((await checkDataset(root, ["c", "a"])).map(({ name }) => name), ["c", "a"]);
    const [empty] = await checkDataset(root, ["b"]);
    deepEqual([empty.train, empty.width, empty.errors.length], [0, null, 1]);
    await rejects(checkDataset(root, ["d"]), { name: "InputError", message: /a, b, c; but found "d"/ });
  }));
