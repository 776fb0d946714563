/**
 * Layouts of data sets: what is found, in which order, and what is refused.
 *
 * @module
 */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { listCategories, openCategory, scanCategory } from "../../src/host/dataset.ts";
import { listImages } from "../../src/host/folder.ts";
import { inFolder } from "../folder.ts";
import { found } from "./found.ts";
import { writeTree } from "../data/pictures.ts";

/** Files of a category in MVTec-AD's layout, below its folder. */
const BOTTLE = [
  "train/good/000.png",
  "train/good/001.png",
  "test/good/000.png",
  "test/scratch/000.png",
  "test/scratch/001.png",
  "test/dent/000.png",
  "ground_truth/scratch/000_mask.png",
  "ground_truth/scratch/001_mask.png",
  "ground_truth/dent/000_mask.png",
];

function under(folder: string, paths: string[]): string[] {
  return paths.map((path) => `${folder}/${path}`);
}

Deno.test("MVTec-AD's layout: good first, defects by name, every defect with its mask", () =>
  inFolder(async (root) => {
    await writeTree(root, [
      ...under("bottle", BOTTLE),
      "cable/train/good/a.png",
      "license.txt",
      "Z/train/good/a.bmp",
    ]);
    deepEqual(await listCategories(root), ["Z", "bottle", "cable"]);
    deepEqual(await found(root, "bottle"), {
      train: ["bottle/train/good/000.png", "bottle/train/good/001.png"],
      anomalous: [],
      test: [
        ["bottle/test/good/000.png", null, 0, "good"],
        ["bottle/test/dent/000.png", "bottle/ground_truth/dent/000_mask.png", 1, "dent"],
        ["bottle/test/scratch/000.png", "bottle/ground_truth/scratch/000_mask.png", 1, "scratch"],
        ["bottle/test/scratch/001.png", "bottle/ground_truth/scratch/001_mask.png", 1, "scratch"],
      ],
    });
  }));

Deno.test("a category's own folder is a data set of one, also as a relative path", () =>
  inFolder(async (root) => {
    await writeTree(root, under("bottle", BOTTLE));
    const alone = join(root, "bottle");
    deepEqual(await listCategories(alone), ["bottle"]);
    deepEqual(await listCategories(`${alone}/`), ["bottle"]);
    deepEqual(await listCategories(join(alone, "train", "..")), ["bottle"]);
    equal((await openCategory(alone, "bottle")).test.length, 4);
  }));

Deno.test("order is by code units, hidden files and files that are no images are left out", () =>
  inFolder(async (root) => {
    const names = [
      "10.png",
      "9.png",
      "B.jpg",
      "a.PNG",
      "é.tif",
      "_.jpeg",
      ".hidden.png",
      "README.txt",
      "Thumbs.db",
    ];
    await writeTree(root, under("x/train/good", names));
    deepEqual((await found(root, "x") as { train: string[] }).train, [
      "x/train/good/10.png",
      "x/train/good/9.png",
      "x/train/good/B.jpg",
      "x/train/good/_.jpeg",
      "x/train/good/a.PNG",
      "x/train/good/é.tif",
    ]);
  }));

Deno.test("plain folders: images directly in ROOT, in a folder of ROOT, or in train", async () => {
  for (const [folder, train] of [["", ""], ["parts/", ""], ["parts/", "train/"], ["", "train/"]]) {
    await inFolder(async (root) => {
      await writeTree(root, [
        `${folder}${train}b.png`,
        `${folder}${train}a.png`,
        `${folder}test/good/1.png`,
        `${folder}test/dent/1.png`,
        `${folder}test/dent/2.png`,
        `${folder}ground_truth/dent/1.png`,
      ]);
      const [name, ...others] = await listCategories(root);
      deepEqual(others, []);
      equal(name, folder === "" ? root.split(/[\\/]/).at(-1) : "parts");
      deepEqual(await found(root, name), {
        train: [`${folder}${train}a.png`, `${folder}${train}b.png`],
        anomalous: [],
        test: [
          [`${folder}test/good/1.png`, null, 0, "good"],
          [`${folder}test/dent/1.png`, `${folder}ground_truth/dent/1.png`, 1, "dent"],
          [`${folder}test/dent/2.png`, null, 1, "dent"],
        ],
      });
    });
  }
});

Deno.test("images directly in test: those with a mask are anomalous; without any mask nothing tells", () =>
  inFolder(async (root) => {
    await writeTree(root, ["a.png", "test/1.png", "test/2.png", "ground_truth/2_mask.png"]);
    const [name] = await listCategories(root);
    deepEqual(await found(root, name), {
      train: ["a.png"],
      anomalous: [],
      test: [["test/1.png", null, 0, "good"], ["test/2.png", "ground_truth/2_mask.png", 1, "defect"]],
    });
    await Deno.remove(join(root, "ground_truth"), { recursive: true });
    await rejects(openCategory(root, name), { name: "InputError", message: /masks for some.*found 1\.png/ });
  }));

Deno.test("labelled anomalies: folders of train besides good", () =>
  inFolder(async (root) => {
    await writeTree(
      root,
      under("bottle", [...BOTTLE, "train/dent/7.png", "train/odd/1.png", "ground_truth/dent/7_mask.png"]),
    );
    const { anomalous, test } = await found(root, "bottle") as { anomalous: unknown; test: unknown[] };
    deepEqual(anomalous, [
      ["bottle/train/dent/7.png", "bottle/ground_truth/dent/7_mask.png"],
      ["bottle/train/odd/1.png", null],
    ]);
    equal(test.length, 4);
  }));

Deno.test("links to files and folders are followed", () =>
  inFolder(async (root) => {
    await writeTree(root, ["store/a.png", "set/bottle/train/note.txt"]);
    await Deno.symlink(join(root, "store"), join(root, "set/bottle/train/good"));
    await Deno.symlink(join(root, "store/a.png"), join(root, "store/b.png"));
    equal((await openCategory(join(root, "set"), "bottle")).train.length, 2);
    await Deno.symlink(join(root, "nowhere.png"), join(root, "store/c.png"));
    await Deno.symlink(join(root, "set/bottle"), join(root, "set/bottle/train/loop"));
    const notes: string[] = [],
      { train, anomalous } = await openCategory(
        join(root, "set"),
        "bottle",
        (note) => notes.push(note),
      );
    deepEqual([train.length, anomalous.length], [2, 0]);
    deepEqual(notes, [
      `${join(root, "set/bottle/train/loop")} is a link to a folder that it lies in: it is left out`,
      `${join(root, "set/bottle/train/good/c.png")} is a link that leads nowhere: it is left out`,
    ]);
  }));

Deno.test("what is missing, empty or mistyped is refused by name", () =>
  inFolder(async (root) => {
    await rejects(listCategories(join(root, "none")), { name: "InputError", message: /Can't read .*none/ });
    await rejects(listCategories(root), { name: "InputError", message: /found none of these/ });
    await writeTree(root, ["sub/deeper/a.png"]);
    await rejects(listCategories(root), { name: "InputError", message: /only sub without/ });
    await writeTree(root, [...under("bottle", BOTTLE), "cable/train/good/README.txt", "file.txt"]);
    await rejects(listCategories(join(root, "file.txt")), { name: "InputError", message: /file\.txt/ });
    await rejects(openCategory(root, "botle"), {
      name: "InputError",
      message: `Expected a category of ${root}: bottle, cable; but found "botle" (did you mean bottle?)`,
    });
    await rejects(openCategory(root, "../bottle"), /found "\.\.\/bottle"/);
    await rejects(openCategory(root, "cable"), {
      name: "InputError",
      message: /cable.train.good, but found none/,
    });
  }));

Deno.test("a mask must belong to exactly one image", () =>
  inFolder(async (root) => {
    await writeTree(root, [
      ...under("bottle", BOTTLE),
      "bottle/ground_truth/dent/9_mask.png",
      "bottle/ground_truth/gone/1_mask.png",
      "bottle/train/scratch/000.png",
    ]);
    const { errors } = await scanCategory(root, "bottle");
    equal(errors.length, 3);
    await rejects(openCategory(root, "bottle"), {
      name: "InputError",
      message: /image for the mask .*9_mask/,
    });
    deepEqual(
      errors.map((e) => /9_mask|gone.1_mask|mask of one image.*train.scratch.*test.scratch/.test(e)),
      [
        true,
        true,
        true,
      ],
    );
  }));

Deno.test("images to score: the order given, folders in depth and by name", () =>
  inFolder(async (root) => {
    await writeTree(root, [
      "in/b.png",
      "in/a/2.png",
      "in/a/1.jpg",
      "in/c.txt",
      "in/.x/1.png",
      "z.dat.png",
      "y.txt",
    ]);
    const local = async (...paths: string[]): Promise<string[]> =>
      (await listImages(paths.map((path) => join(root, path)))).map((path) => path.slice(root.length + 1));
    deepEqual(await local("z.dat.png", "in", "y.txt", "in/b.png"), [
      "z.dat.png",
      ...["in/a/1.jpg", "in/a/2.png", "in/b.png"].map((path) => join(path)),
      "y.txt",
      join("in/b.png"),
    ]);
    await rejects(local("in", "nothing.png"), { name: "InputError", message: /nothing\.png.*no such file/ });
    await writeTree(root, ["empty/a.txt"]);
    await rejects(local("empty"), { name: "InputError", message: /empty, but found none/ });
  }));

Deno.test("images to score: links that lead nowhere or back are left out, with a note", () =>
  inFolder(async (root) => {
    await writeTree(root, ["in/1.png", "in/a/2.png", "other/b/3.png"]);
    const link = (to: string, from: string): Promise<void> => Deno.symlink(join(root, to), join(root, from));
    await link("in", "in/loop");
    await link("nowhere", "in/lost.png");
    await link("other", "in/other");
    await link("in", "other/b/back"); // by way of the other link
    await Deno.symlink("self.png", join(root, "in/self.png"));
    const notes: string[] = [], found = await listImages([join(root, "in")], (note) => notes.push(note));
    deepEqual(found, ["1.png", "a/2.png", "other/b/3.png"].map((path) => join(root, "in", path)));
    deepEqual(
      notes,
      [
        ["loop", "is a link to a folder that it lies in"],
        ["lost.png", "is a link that leads nowhere"],
        ["self.png", "is a link that leads nowhere"],
        ["other/b/back", "is a link to a folder that it lies in"],
      ].map(([path, why]) => `${join(root, "in", path)} ${why}: it is left out`),
    );
  }));
