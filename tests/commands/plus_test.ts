/**
 * ADTR+ by command: synthetic anomalies, labelled folders, images and masks from elsewhere; and maps as TIFFs.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { decode } from "npm:tiff@^7.1.3";
import { isThere } from "../../src/host/files.ts";
import { readLog } from "../../src/host/log.ts";
import { maskFile, picture } from "../data/pictures.ts";
import golden from "../golden/plus.json" with { type: "json" };
import { labelledCategory } from "../train/labelled.ts";
import { adtr, test, TINY } from "./adtr.ts";

const PLUS = ["--preset", "demo", ...TINY, "--loss", "px", "--epochs", "2", "--base-epochs", "1"];
const MAKE = [
  "--category",
  "grid,weave",
  "--size",
  "48",
  "--train",
  "5",
  "--test-good",
  "2",
  "--test-per-defect",
  "1",
];

/** Paths of all files below a folder, sorted. */
async function filesIn(folder: string): Promise<string[]> {
  const found = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    found.push(...isDirectory ? (await filesIn(join(folder, name))).map((path) => join(name, path)) : [name]);
  }
  return found.sort();
}

test("confetti and a pool of cuts, with maps as TIFFs; a finished run is left alone", async (folder) => {
  await adtr(folder, "data", "make", "d", ...MAKE);
  const kinds = [["--anomalies", "confetti"], ["--anomalies", "cutpaste", "--anomaly-pool", "3"]];
  for (const [i, kind] of kinds.entries()) {
    const data = ["--data", "d", "--category", i === 0 ? "grid" : "all"], out = `run${i}`;
    const { code, stderr } = await adtr(
      folder,
      "train",
      ...data,
      ...PLUS,
      ...kind,
      "--out",
      out,
      "--maps-tiff",
    );
    equal(code, 0, stderr);
    match(stderr, /^grid: base training, epoch 1\/1, loss .*^grid: training, epoch 2\/2, loss /ms);
    for (const [run, steps] of [[out, 2], [join(out, "adtr"), 1]] as const) {
      const path = join(folder, i === 0 ? run : run.replace(out, join(out, "grid")), "log.jsonl");
      equal((await readLog(path)).length, steps);
    }
  }
  const maps = join(folder, "run1/anomaly_maps"), images = await filesIn(join(folder, "d"));
  const wanted = images.filter((path) => path.split(/[\\/]/)[1] === "test");
  ok(wanted.length > 6);
  deepEqual(await filesIn(maps), wanted.map((path) => path.replace(/\.png$/, ".tiff")));
  for (const path of await filesIn(maps)) {
    const [page] = decode(await Deno.readFile(join(maps, path)));
    deepEqual([page.width, page.height, page.bitsPerSample, page.sampleFormat], [48, 48, 32, 3]);
  }

  // eval writes the same.
  const model = ["--model", "run1/grid/model.safetensors", "--data", "d", "--category", "grid"];
  for (const flag of [[], ["--maps-tiff"]]) {
    const { code, stderr } = await adtr(folder, "eval", ...model, "--out", "e", ...flag);
    equal(code, 0, stderr);
    equal(await isThere(join(folder, "e/anomaly_maps")), flag.length > 0);
  }
  const again = await filesIn(join(folder, "e/anomaly_maps"));
  deepEqual(again, (await filesIn(maps)).filter((path) => path.startsWith("grid")));
  for (const path of again) {
    deepEqual(
      await Deno.readFile(join(folder, "e/anomaly_maps", path)),
      await Deno.readFile(join(maps, path)),
    );
  }

  // What remains of a run is in the way of another one.
  const grid = join(folder, "run0");
  for (const name of await filesIn(grid)) if (!name.startsWith("adtr")) await Deno.remove(join(grid, name));
  for (const name of ["heatmaps", "anomaly_maps"]) await Deno.remove(join(grid, name), { recursive: true });
  const before = await filesIn(grid);
  const refused = await adtr(folder, "train", "--data", "d", "--category", "grid", ...PLUS, "--out", "run0");
  equal(refused.code, 1);
  match(
    refused.stderr,
    /^error: Expected --out to be a folder without a run, but found run0.adtr.model\.safetensors\.\n/,
  );
  deepEqual(await filesIn(grid), before);
});

test("labelled images from the data set's folders, or from elsewhere", async (folder) => {
  await labelledCategory(join(folder, "thing"));
  await Deno.mkdir(join(folder, "bad"));
  for (const name of ["a", "b", "c"]) {
    await Deno.writeFile(join(folder, "bad", `${name}.png`), picture(name, 20, 30));
    await Deno.writeFile(join(folder, "bad", `${name}_mask.png`), maskFile(200, 20, 30));
  }
  const data = ["--data", "thing", ...PLUS, "--batch-size", "1"];
  const train = (out: string, ...args: string[]) => adtr(folder, "train", ...data, "--out", out, ...args);
  const cases: [out: string, args: string[], labelled: number][] = [
    ["own", [], golden.defects.length],
    ["given", ["--anomalous", "bad"], 3],
    ["images", ["--anomalous", "bad", "--loss", "img", "--image-k", "16"], 3],
  ];
  for (const [out, args, labelled] of cases) {
    const { code, stderr } = await train(out, ...args);
    equal(code, 0, stderr);
    equal((await readLog(join(folder, out, "log.jsonl"))).length, 2 * (golden.good + labelled));
  }
  equal(JSON.parse(await Deno.readTextFile(join(folder, "given/config.json"))).anomalous, "bad");
  const resumed = await adtr(folder, "train", "--resume", "--out", "given");
  equal(resumed.code, 0, resumed.stderr);

  await Deno.remove(join(folder, "bad/b_mask.png"));
  const refused = await train("no", "--anomalous", "bad");
  deepEqual([refused.code, refused.stderr.split("\n").slice(-2)], [
    1,
    ["error: Expected a mask for bad/b.png, whose pixels are to be learned from, but found none", ""],
  ]);
  ok(!await isThere(join(folder, "no/adtr")) && !await isThere(join(folder, "no/log.jsonl")));
});
