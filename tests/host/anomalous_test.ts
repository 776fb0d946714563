/**
 * Anomalous images outside of a data set: which are found, with which masks, and what is refused.
 *
 * @module
 */
import { deepEqual, rejects } from "node:assert/strict";
import { join } from "node:path";
import { listAnomalous, listOutliers } from "../../src/host/anomalous.ts";
import { inFolder } from "../folder.ts";
import { writeTree } from "../data/pictures.ts";

Deno.test("labelled images lie directly in a folder, masks beside them", () =>
  inFolder(async (root) => {
    await writeTree(root, [
      "b.png",
      "b_mask.png",
      "a.jpg",
      "c.d.png",
      "c.d_mask.bmp",
      "deeper/e.png",
      "notes.txt",
    ]);
    deepEqual(await listAnomalous(root), [
      { path: join(root, "a.jpg"), mask: null },
      { path: join(root, "b.png"), mask: join(root, "b_mask.png") },
      { path: join(root, "c.d.png"), mask: join(root, "c.d_mask.bmp") },
    ]);
  }));

Deno.test("no image, a mask without one, or with two, and no folder", () =>
  inFolder(async (root) => {
    await writeTree(root, ["empty/x.txt", "masks/a_mask.png", "alone/a.png", "alone/b_mask.png"]);
    await writeTree(root, ["twins/a.png", "twins/a.jpg", "twins/a_mask.png"]);
    const refused = (name: string, message: RegExp) =>
      rejects(listAnomalous(join(root, name)), { name: "InputError", message });
    await refused("empty", /^Expected anomalous images in .*empty, but found none$/);
    await refused("masks", /^Expected anomalous images in .*masks, but found none$/);
    await refused("alone", /^Expected an image for the mask .*alone.b_mask\.png, but found none$/);
    await refused(
      "twins",
      /^Expected .*a_mask\.png to be the mask of one image, but found .*a\.jpg, .*a\.png$/,
    );
    await refused("none", /^Can't read .*none/);
  }));

Deno.test("irrelevant images lie at any depth", () =>
  inFolder(async (root) => {
    await writeTree(root, ["b.png", "a/c.png", "a/d/e.png", "f/x.txt"]);
    deepEqual(await listOutliers(root), ["a/c.png", "a/d/e.png", "b.png"].map((name) => join(root, name)));
    await rejects(listOutliers(join(root, "f")), { name: "InputError", message: /f, but found none$/ });
    await rejects(listOutliers(join(root, "g")), {
      name: "InputError",
      message: /g to be an image or a folder/,
    });
  }));
