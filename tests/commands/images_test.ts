/**
 * What commands say of images that can't be read, of masks that may not be meant, and of links.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { encodeGreyPng } from "../../src/data/image.ts";
import { NOTES } from "../../src/data/mask.ts";
import { isThere } from "../../src/host/files.ts";
import { maskFile, writeTree } from "../data/pictures.ts";
import { adtr, test, TINY } from "./adtr.ts";

const TREE = [
  ...["train/good/0.png", "train/good/1.png", "test/good/0.png", "test/dent/0.png", "test/dent/1.png"],
  ...["ground_truth/dent/0_mask.png", "ground_truth/dent/1_mask.png"],
];

test("train names all that can't be read before it begins, and masks that may not be meant", async (folder) => {
  const path = (name: string): string => join(folder, "a", name);
  await writeTree(join(folder, "a"), TREE);
  for (const name of ["train/good/1.png", "test/good/0.png"]) {
    await Deno.writeTextFile(path(name), "no picture");
  }
  await Deno.writeFile(path("ground_truth/dent/0_mask.png"), maskFile(5, 12, 11));
  const data = new Uint8Array(120).fill(2, 0, 60).fill(255, 0, 9);
  await Deno.writeFile(path("ground_truth/dent/1_mask.png"), encodeGreyPng({ width: 12, height: 10, data }));
  await Deno.symlink("nowhere", path("train/good/lost.png"));
  const { code, stdout, stderr } = await adtr(folder, "train", "--data", "a", "--out", "run", ...TINY);
  deepEqual([code, stdout], [1, ""]);
  ok(!await isThere(join(folder, "run"))); // nothing is left of it
  const lines = stderr.trimEnd().split("\n");
  ok(lines.includes("a/train/good/lost.png is a link that leads nowhere: it is left out"), stderr);
  ok(lines.includes(`a: a/ground_truth/dent/1_mask.png ${NOTES.few}`), stderr);
  const faults = lines.slice(lines.findIndex((line) => line.includes("Found")));
  match(faults[0], /Found 3 faults:$/);
  match(faults[1], /^ {2}Expected a\/train\/good\/1\.png to be a PNG.* but found something else$/);
  match(faults[2], /^ {2}Expected a\/test\/good\/0\.png to be/);
  match(
    faults[3],
    /^ {2}Expected a\/ground_truth\/dent\/0_mask\.png to be 12×10 pixels as its image is, but found 12×11$/,
  );
  equal(await isThere(join(folder, "run", "config.json")), false);
});

test("data check's lines stay lines, whatever files are called", async (folder) => {
  await writeTree(join(folder, "odd\nname"), ["0.png", "1.png", "a\x1b[2Jb.txt", "\u202egnp.txt"]);
  const { code, stdout } = await adtr(folder, "data", "check", "odd\nname");
  equal(code, 0);
  const lines = stdout.trimEnd().split("\n");
  deepEqual([lines.length, lines[2].slice(0, 9)], [4, "odd\\nname"]);
  match(
    lines[3],
    /odd\\nname: note: odd\\nname has 2 files that don't count as images, as odd\\nname\/a\\u001b\[2Jb\.txt/,
  );
});
