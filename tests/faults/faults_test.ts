/**
 * A short round of the faults (`deno task faults` is the long one): what lies on disk stays whole, what happened is told in a
 * line or two, and the work ends with the same bytes.
 *
 * @module
 */
import { equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { closePipes, interrupt, loseDevices } from "./device.ts";
import { fillDisks, readOnly, refuseSome, SmallDisk } from "./disk.ts";
import { killScene } from "./kills.ts";
import { prepare, sceneNamed } from "./scenes.ts";

const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
await prepare(folder);
await using disk = await SmallDisk.mount(join(folder, "probe"), 4096);
const ignore = disk === null;
if (ignore) console.log("no disks can be mounted here: that they are full or take nothing is not tested");
const score = sceneNamed("score"), patchcore = sceneNamed("patchcore");

Deno.test("killed at random moments: a method in closed form, and score", async () => {
  for (const scene of [patchcore, score]) ok(await killScene(folder, scene, 2) > 0);
});

Deno.test({
  name: "a disk that is full at some point",
  ignore,
  fn: async () => equal(await fillDisks(folder, patchcore, 1), 1),
});

Deno.test({
  name: "folders that take nothing, for results and for the cache",
  ignore,
  fn: async () => equal(await readOnly(folder, [score]), 3),
});

Deno.test("some of all that the disk is asked for, refused", async () => {
  equal(await refuseSome(folder, patchcore, 4), 4);
  equal(await refuseSome(folder, score, 3, "heatmaps/"), 3); // while others are drawn and rows wait for them
});

Deno.test("a GPU that is lost", async () => {
  await loseDevices(folder, patchcore, 1);
});

Deno.test("SIGTERM, as Ctrl-C", async () => {
  await interrupt(folder, score, "SIGTERM", 1);
});

Deno.test("pipes that nobody reads to the end", async () => {
  equal(await closePipes(folder, score), 2);
});
