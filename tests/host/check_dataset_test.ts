/**
 * What `data check` finds in a data set.
 *
 * @module
 */
import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { basename, join } from "node:path";
import { encodeGreyPng, encodePng, type Image } from "../../src/data/image.ts";
import { NOTES } from "../../src/data/mask.ts";
import { checkDataset, checkRoot } from "../../src/host/check_dataset.ts";
import { checkImages, refuseFaults } from "../../src/host/check_images.ts";
import { openCategory } from "../../src/host/dataset.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
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
    await put("train/good/3.heic", new Uint8Array(9));
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
      /hole.0_mask\.png marks no pixel of its image/,
      /has 1 images of formats that are not read, as .*3\.heic/,
      /has 1 images that training leaves aside, as .*7_mask\.png/,
    ]);
  }));

/** What is said of a data set, without the path of its folder. */
async function remarks(root: string): Promise<{ errors: string[]; warnings: string[] }> {
  const [{ errors, warnings }] = await checkDataset(root);
  const local = (texts: string[]) => texts.map((text) => text.replaceAll(`${root}/`, ""));
  return { errors: local(errors), warnings: local(warnings) };
}

Deno.test("what training leaves aside is counted, at any depth", () =>
  inFolder(async (root) => {
    await writeTree(root, [
      ...SOUND,
      "train/good/old/1.png",
      "train/good/old/x/2.png",
      "notes.txt",
      "test/x.db",
    ]);
    await Deno.writeTextFile(join(root, "train/good/old/x/3.png"), "no picture");
    await Deno.writeTextFile(join(root, ".hidden"), "");
    await Deno.symlink(join(root, "nowhere.png"), join(root, "train/good/lost.png"));
    await Deno.symlink(root, join(root, "test/loop"));
    const { errors, warnings } = await remarks(root);
    deepEqual(errors, []);
    deepEqual(warnings, [
      "test/loop is a link to a folder that it lies in: it is left out",
      "train/good/lost.png is a link that leads nowhere: it is left out",
      "train/good/old has 1 images that training leaves aside, as train/good/old/1.png (score looks at any depth)",
      "train/good/old/x has 2 images that training leaves aside, as train/good/old/x/2.png (score looks at any depth)",
      "Expected train/good/old/x/3.png to be a PNG, JPEG, BMP, TIFF, WebP or GIF image, but found something else",
      `${root} has 2 files that don't count as images, as notes.txt: they are left aside`,
      `${root} has 1 hidden or unfinished files, as .hidden: they are left aside`,
    ]);
  }));

Deno.test("what lies beside the categories is told", () =>
  inFolder(async (root) => {
    await writeTree(root, ["a/train/good/0.png", "b/x.txt", "c.png", "d.txt"]);
    deepEqual((await checkRoot(root)).map((note) => note.replaceAll(`${root}/`, "")), [
      `${root} has 1 folders without images to train on, as b`,
      `${root} has 1 images beside the categories, which are not looked at, as c.png`,
      `${root} has 1 files that are left aside, as d.txt`,
    ]);
  }));

Deno.test("masks that may not be meant are told once a kind, and empty ones in all", () =>
  inFolder(async (root) => {
    await writeTree(root, SOUND);
    const put = (path: string, bytes: Uint8Array): Promise<void> =>
      Deno.writeFile(join(root, "ground_truth", path), bytes);
    const levels = encodeGreyPng({
      width: 12,
      height: 10,
      data: new Uint8Array(120).fill(2, 0, 60).fill(255, 0, 9),
    });
    await put("dent/0_mask.png", levels);
    await put("dent/1_mask.png", levels);
    await put("hole/0_mask.png", maskFile(100));
    deepEqual((await remarks(root)).warnings, [
      `ground_truth/dent/0_mask.png ${NOTES.few} (and 1 more such files)`,
      `ground_truth/hole/0_mask.png ${NOTES.most}`,
    ]);
    for (const path of ["dent/1_mask.png", "hole/0_mask.png"]) await put(path, maskFile(0));
    deepEqual((await remarks(root)).warnings.slice(1), [
      "ground_truth/dent/1_mask.png marks no pixel of its image (and 1 more such files)",
      "No mask of an anomalous test image marks a pixel: there will be no pixel metrics",
    ]);
  }));

Deno.test("training images that leave nothing to learn are told", () =>
  inFolder(async (root) => {
    const black = { width: 9, height: 9, data: new Uint8Array(243) };
    const write = (name: number, image: Image): Promise<void> =>
      Deno.writeFile(join(root, `${name}.png`), encodePng(image));
    await write(0, { ...black, data: Uint8Array.from(black.data, (_, i) => i) });
    deepEqual((await remarks(root)).warnings, [
      "0.png is the only training image: all that differs from it is anomalous",
    ]);
    await write(1, { ...black, data: Uint8Array.from(black.data, (_, i) => i) });
    match((await remarks(root)).warnings[1], /Every one of 2 training images shows the same picture/);
    await write(0, black);
    deepEqual((await remarks(root)).warnings, ["0.png is of a single colour"]);
    await write(1, black);
    match(
      (await remarks(root)).warnings.join("\n"),
      /Every one of 2 training images is wholly black: there is nothing to learn/,
    );
    await write(1, { ...black, data: black.data.map(() => 7) });
    match((await remarks(root)).warnings.join("\n"), /Every one of 2 training images is of a single colour/);
  }));

Deno.test("a JPEG that EXIF turns, and a mask that may lie either way", () =>
  inFolder(async (root) => {
    const { tensors } = await readSafetensors(
      new URL("../golden/images.safetensors", import.meta.url).pathname,
    );
    const files = SOUND.filter((path) => !path.startsWith("ground_truth")), stored = maskFile(5, 40, 24);
    await writeTree(root, SOUND);
    for (const path of files) {
      const turned = tensors.get(path.includes("hole") ? "file.jpeg.turned3" : "file.jpeg.turned6")!;
      await Deno.writeFile(join(root, path), turned.bytes);
    }
    await Deno.writeFile(join(root, "ground_truth/dent/0_mask.png"), stored);
    await Deno.writeFile(join(root, "ground_truth/dent/1_mask.png"), maskFile(5, 24, 40));
    await Deno.writeFile(join(root, "ground_truth/hole/0_mask.png"), stored);
    const { errors, warnings } = await remarks(root);
    deepEqual(errors, []);
    deepEqual(warnings.filter((text) => text.includes("EXIF")), [
      `ground_truth/dent/0_mask.png ${NOTES.stored}`,
      `ground_truth/hole/0_mask.png ${NOTES.turned}`,
    ]);
  }));

Deno.test("all that can't be used is refused at once, in a list that ends", () => {
  refuseFaults([]);
  throws(() => refuseFaults(["one"]), { name: "InputError", message: "one" });
  throws(() => refuseFaults(Array.from({ length: 23 }, (_, i) => `fault ${i}`)), (error: Error) => {
    const lines = error.message.split("\n");
    deepEqual([lines.length, lines[0]], [22, "Found 23 faults:"]);
    deepEqual(lines.slice(-2), ["  fault 19", "  and 3 more, which `data check` lists"]);
    return true;
  });
});

Deno.test("an image that is known isn't decoded again, its mask is read", () =>
  inFolder(async (root) => {
    await writeTree(root, SOUND);
    await Deno.writeTextFile(join(root, "train/good/1.png"), "no picture");
    const category = await openCategory(root, basename(root)), decoded: string[] = [];
    const onDecoded = (path: string) => Promise.resolve(void decoded.push(path));
    const known = await checkImages(category, { isKnown: () => Promise.resolve(true), onDecoded });
    deepEqual([known.errors, decoded], [[], []]);
    const { errors } = await checkImages(category, { onDecoded });
    deepEqual([errors.length, decoded.length], [1, 5]);
  }));

Deno.test("categories by name, and an empty one among them", () =>
  inFolder(async (root) => {
    await writeTree(root, ["a/train/good/0.png", "b/train/good/x.txt", "c/train/good/0.png"]);
    deepEqual((await checkDataset(root, ["c", "a"])).map(({ name }) => name), ["c", "a"]);
    const [empty] = await checkDataset(root, ["b"]);
    deepEqual([empty.train, empty.width, empty.errors.length], [0, null, 1]);
    await rejects(checkDataset(root, ["d"]), { name: "InputError", message: /a, b, c; but found "d"/ });
  }));
