/**
 * `reproduce`: its tables, what it does when it is killed or a category fails, and what it refuses.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { lockRun } from "../../src/commands/folders.ts";
import { isThere } from "../../src/host/files.ts";
import { ProgressDisplay } from "../../src/commands/progress.ts";
import { cellsOf } from "../../src/commands/reproduce_jobs.ts";
import { planReproduction } from "../../src/commands/reproduce_plan.ts";
import { runReproduction } from "../../src/commands/reproduce_run.ts";
import { methods } from "../../src/methods/registry.ts";
import type { Settings } from "../../src/methods/settings.ts";
import type { Statistics } from "../../src/report/comparison.ts";
import { PAPER_TABLES } from "../../src/report/paper_numbers.ts";
import { gpu } from "../gpu.ts";
import { adtr, CLI, environment, test, TINY } from "./adtr.ts";

const SMALL = [...TINY, "--preset", "demo", "--epochs", "40", "--category", "grid,weave"];
/** Methods and their variants. */
const METHOD_OF = new Map(
  methods.flatMap((method) =>
    [method.name, ...Object.keys(method.variants?.("folder") ?? {})].map((name) => [name, method])
  ),
);
const NAMES = [...METHOD_OF.keys()];
const TABLES = ["table.md", "table.csv", "table.json"];

/** Small data under the names of MVTec-AD's categories are not needed: any will do. */
async function makeData(folder: string): Promise<void> {
  const sizes = ["--size", "32", "--train", "4", "--test-good", "2", "--test-per-defect", "1"];
  await adtr(folder, "data", "make", "d", "--category", "grid,weave", ...sizes);
}

async function tablesIn(folder: string): Promise<string[]> {
  return await Promise.all(TABLES.map((name) => Deno.readTextFile(join(folder, name))));
}

test("killed ten times, it ends with the table of a run that was not", async (folder) => {
  await makeData(folder);
  const args = ["reproduce", "mvtec", "--data", "d", ...SMALL, "--plus-epochs", "20", "--seeds", "2"];
  const began = performance.now();
  const whole = await adtr(folder, ...args, "--out", "whole");
  equal(whole.code, 0, whole.stderr);
  match(whole.stdout, /^Pixel AUROC, %\ncategory +adtr +paper +difference +adtr\+ +paper +difference\n/);
  match(whole.stdout, /^grid +\d+\.\d ± \d+\.\d +95\.0 +[-+]\d+\.\d /m);
  match(whole.stderr, /^8 of 8 models done$/m);

  const duration = performance.now() - began;
  let kills = 0;
  for (let kill = 0; kill < 10; kill++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", CLI, ...args, "--out", "run"],
      cwd: folder,
      env: environment(folder),
      stdout: "null",
      stderr: "null",
    }).spawn();
    const wait = duration * (0.1 + 0.4 * Math.random());
    const timer = setTimeout(() => child.kill("SIGKILL"), wait);
    const { signal } = await child.status;
    clearTimeout(timer);
    if (signal === null) break; // it had come to its end
    kills++;
  }
  ok(kills > 0, "the first run was never killed");
  const ended = await adtr(folder, ...args, "--out", "run");
  equal(ended.code, 0, ended.stderr);
  deepEqual(await tablesIn(join(folder, "run")), await tablesIn(join(folder, "whole")));

  const again = await adtr(folder, ...args, "--out", "run"); // nothing is left to do
  equal(again.stdout, ended.stdout);
  equal(again.stderr, "");
  const other = await adtr(folder, ...args, "--out", "run", "--lr", "1");
  deepEqual([other.code, other.stdout], [1, ""]);
  match(
    other.stderr,
    /^error: Expected to go on with run.+config\.json, where lr is 0\.002, but found 1\.\n.*\n$/,
  );
});

test("a category that fails is reported at the end, and the others are done", async (folder) => {
  await makeData(folder);
  const good = join(folder, "d", "grid", "train", "good");
  const [{ name }] = await Array.fromAsync(Deno.readDir(good));
  const image = await Deno.readFile(join(good, name));
  await Deno.writeTextFile(join(good, name), "no image");
  const args = ["reproduce", "mvtec", "--data", "d", ...SMALL, "--plus-epochs", "20", "--out", "run"];
  const failed = await adtr(folder, ...args);
  equal(failed.code, 1);
  match(
    failed.stderr,
    /error: 2 of 4 models failed:\nadtr on grid with seed 0: Expected .*image, .*\nadtr\+ on grid/,
  );
  match(failed.stdout, /^grid +– +95\.0 +– +– +94\.2 +–\nweave +\d+\.\d +– /m);

  await Deno.writeFile(join(good, name), image);
  const mended = await adtr(folder, ...args);
  equal(mended.code, 0, mended.stderr);
  match(mended.stdout, /^grid +\d+\.\d +95\.0 /m);
});

test("what another run is at is left to it, and neither failed nor done twice", async (folder) => {
  await makeData(folder);
  const args = ["reproduce", "mvtec", "--data", "d", ...SMALL, "--epochs", "2", "--plus-epochs", "1"];
  const cell = (out: string, method: string, category: string) =>
    join(folder, out, method, "seed-0", category);
  const grid = cell("run", "adtr", "grid");
  await Deno.mkdir(grid, { recursive: true });
  {
    using _lock = await lockRun(grid);
    const { code, stdout, stderr } = await adtr(folder, ...args, "--out", "run");
    equal(code, 0, stderr);
    match(stdout, /^grid +– .*\nweave +\d/m);
    match(
      stderr,
      /^2 models are being made by another run, and missing in the tables:\nadtr on grid with seed 0\nadtr\+ on grid with seed 0\nThe same /m,
    );
    match(stderr, /^2 of 4 models done/m);
    deepEqual(await Array.fromAsync(Deno.readDir(grid), ({ name }) => name), [".lock"]);
    ok(!await isThere(join(cell("run", "adtr+", "grid"), "config.json")));
    const table = await Deno.readTextFile(join(folder, "run", "table.md"));
    match(table, /\n\nMissing: adtr on grid with seed 0, adtr\+ on grid with seed 0\.\n\n## Pixel AUROC/);
    match(
      await Deno.readTextFile(join(folder, "run", "report.html")),
      /missing: adtr on grid with seed 0, adtr\+ on/,
    );
    const { missing, failures } = JSON.parse(await Deno.readTextFile(join(folder, "run", "table.json")));
    deepEqual([missing.length, failures], [2, []]);
  }

  const ended = await adtr(folder, ...args, "--out", "run");
  equal(ended.code, 0, ended.stderr);
  ok(!ended.stderr.includes("another run"));
  const table = await Deno.readTextFile(join(folder, "run", "table.md"));
  ok(!table.includes("Missing"));
  const page = await Deno.readTextFile(join(folder, "run", "report.html"));
  ok(!page.includes("missing:"));
  for (const [, to] of page.matchAll(/href="\.\/([^"]+)"/g)) {
    ok(await isThere(join(folder, "run", decodeURIComponent(to))), to);
  }
  equal([...page.matchAll(/<a href/g)].length, 4);
});

test("what another run has made in the meantime counts as done, and is not made again", async (folder) => {
  await makeData(folder);
  const cache = Deno.env.get("XDG_CACHE_HOME");
  Deno.env.set("XDG_CACHE_HOME", join(folder, "cache"));
  const given = { backbone: "gabor", image_size: 32, feature_size: 4 };
  const options = {
    data: join(folder, "d"),
    out: join(folder, "run"),
    category: "all",
    seeds: 1,
    methods: "knn",
  };
  const plan = await planReproduction("mvtec", given, options);
  deepEqual(plan.categories, ["grid", "weave"]);
  const grid = join(folder, "run", "knn", "seed-0", "grid");
  await Deno.mkdir(grid, { recursive: true });
  const lock = await lockRun(grid), told: string[] = [];
  const names = ["image_auroc", "image_ap", "image_f1max", "pixel_auroc", "pixel_ap", "aupro"];
  const metrics = Object.fromEntries(names.map((name) => [name, 0.125]));
  const speed = { train_seconds: 1, images_per_second: 2, model_bytes: 3 };
  const warn = (text: string) => { // once weave is done, grid ends elsewhere
    told.push(text);
    const config = JSON.parse(Deno.readTextFileSync(join(grid, "../weave/config.json")));
    Deno.writeTextFileSync(join(grid, "config.json"), JSON.stringify({ ...config, category: "grid" }));
    Deno.writeTextFileSync(join(grid, "speed.json"), JSON.stringify(speed));
    Deno.writeTextFileSync(join(grid, "metrics.json"), JSON.stringify({ grid: metrics }));
    lock[Symbol.dispose]();
  };
  const output = { write: () => {}, isTerminal: false, color: false, columns: () => 80, now: () => 0 };
  const display = Object.assign(new ProgressDisplay(output), { warn });
  const outcome =
    (await runReproduction(plan, cellsOf(plan), gpu, display, new AbortController().signal).finally(() => {
      if (cache === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", cache);
    }))!;
  deepEqual(told.length, 1);
  deepEqual([outcome.failures, outcome.missing], [[], []]);
  deepEqual(outcome.results.map(({ category }) => category), ["weave", "grid"]);
  deepEqual(outcome.results[1].metrics, metrics);
  deepEqual(outcome.results[1].speed, { ...speed, images_per_second_from_files: null });
  ok(!await isThere(join(grid, "model.safetensors")));
});

/** The plan for the demo's data: names in their order, each with settings. */
async function planned(methods: string, given: Partial<Settings> = {}): Promise<[string, Settings][]> {
  const { entries } = await planReproduction("demo", given, { category: "grid", seeds: 1, methods });
  return entries.map(({ name, settings }) => [name, settings]);
}

const namesOf = async (methods: string): Promise<string[]> => (await planned(methods)).map(([name]) => name);

test("--methods takes the rows of the paper's tables, as far as they are there, among other names and once each", async () => {
  deepEqual(await namesOf("all"), NAMES);
  for (const [table, rows] of PAPER_TABLES) {
    const there = rows.filter((name) => NAMES.includes(name));
    deepEqual(await namesOf(table), there);
    deepEqual(await namesOf(`knn,${table},spade`), [...new Set(["knn", ...there, "spade"])]);
  }
  ok((await namesOf("table1")).includes("spade") && (await namesOf("table3")).includes("kde"));
});

test("settings go to the methods that have a use for them; one that refuses them is named before the work", async (folder) => {
  const of = async (given: Partial<Settings>) => new Map(await planned("knn,ae", given));
  const settings = await of({ components: 7, feature_length: "unit" });
  deepEqual([settings.get("knn")!.components, settings.get("ae")!.components], [7, 0]);
  deepEqual([settings.get("knn")!.feature_length, settings.get("ae")!.feature_length], ["unit", "own"]);
  await makeData(folder);
  const cases: [args: string, message: RegExp][] = [
    ["--image-size 40", /^error: For ae: Expected --image-size to be a multiple of 16, but found 40\n$/],
    ["--components 300", /^error: For adtr: Expected --components to be at most \d+, .*, but found 300\n$/],
    [
      "--methods ae --components 3",
      /^error: Expected --components with one of the methods that have it, adtr, .*ae\n$/,
    ],
    [
      "--methods knn --latent 3",
      /^error: Expected --latent with one of the methods that have it, ae.*, but found knn\n$/,
    ],
    [
      "--padim-channels 300",
      /^error: For padim: Expected --padim-channels to be a whole number of 1 to \d+, .*\n$/,
    ],
  ];
  for (const [args, message] of cases) {
    const small = ["--backbone", "gabor", "--image-size", "32", "--feature-size", "4"];
    const all = [...small, "--methods", "adtr,padim,ae", ...args.split(" ")];
    const run = await adtr(folder, "reproduce", "mvtec", "--data", "d", ...all, "--out", "run");
    deepEqual([run.code, run.stdout], [2, ""], args + run.stderr);
    match(run.stderr, message);
    const left = await Array.fromAsync(Deno.readDir(join(folder, "run")), ({ name }) => name).catch(() => []);
    deepEqual(left, []);
  }
});

test("what is asked for has to be there", async (folder) => {
  const cases: [args: string, stderr: RegExp][] = [
    [
      "demos",
      /^error: Expected one of mvtec, .* to reproduce, but found "demos"\n\(Did you mean demo\?\)\n$/,
    ],
    ["mvtec", /^error: Expected --data ROOT, MVTec-AD's folder, for mvtec, but found none\n$/],
    ["cifar10 --data d", /^error: Expected --data cifar10:PATH for cifar10, but found d\n$/],
    ["demo --data d", /^error: Expected no --data for the demo, which makes its own, but found d\n$/],
    [
      "demo --methods adtr,spode",
      /^error: Expected --methods to be some of adtr, .*, but found "spode"\n\(Did you mean spade\?\)\n$/,
    ],
    [
      "demo --category grid,wod",
      /^error: Expected --category to be some of .*"wod"\n\(Did you mean wood\?\)\n$/,
    ],
    ["demo --methods constructor", /^error: Expected --methods to be some of .*"constructor"\n$/],
    [
      "demo --methods ae --weights w.pth",
      /^error: Expected no --weights with methods that look at pixels only, but found w\.pth\n$/,
    ],
    ["demo --outliers o", /^error: Expected no --outliers with demo, but found o\n$/],
    ["ablations --methods knn", /^error: Expected no --methods with ablations, but found knn\n$/],
    ["cifar10 --data cifar10:d", /^error: Expected --outliers ROOT for adtr\+ on CIFAR-10, .*\n.*\n$/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await adtr(folder, "reproduce", ...args.split(" "));
    deepEqual([code, stdout], [2, ""], args + stderr);
    match(stderr, expected, args);
  }
});

test("all methods in one summary, each seed where there is one; and the ablations", async (folder) => {
  await makeData(folder);
  const args = ["--data", "d", ...SMALL, "--category", "grid", "--epochs", "1"];
  const cellsOf = async (...more: string[]) => {
    const all = ["reproduce", "mvtec", ...args, "--plus-epochs", "1", "--json", ...more];
    const { code, stdout, stderr } = await adtr(folder, ...all);
    equal(code, 0, stderr);
    const { tables } = JSON.parse(stdout);
    const [pixel, image] = tables.map(({ rows }: { rows: { cells: Statistics[] }[] }) => rows[0].cells);
    return (tables[0].methods as string[]).map((name, i) => ({ name, pixel: pixel[i], image: image[i] }));
  };
  const seeds = await cellsOf("--methods", "adtr,spade,ae", "--seeds", "2");
  deepEqual(seeds.map(({ image }) => image.deviation !== null), [true, false, true]);
  const found = await cellsOf("--methods", "all");
  deepEqual(found.map(({ name }) => name), NAMES);
  for (const { name, pixel, image } of found) {
    const { maps } = METHOD_OF.get(name)!;
    deepEqual([pixel.mean !== null, image.mean !== null], [maps, true], name);
  }
  const summary = await Deno.readTextFile(join(folder, "runs", "reproduce-mvtec", "summary.md"));
  match(summary, /^\| method +\| Pixel AUROC.*\| train s.*\| images\/s.*\| model MiB/m);
  match(summary, /^\| spade +\| +[\d.]+( \*)? +\| /m);
  match(summary, / \* /);

  const ablations = await adtr(folder, "reproduce", "ablations", ...args, "--out", "ablations");
  equal(ablations.code, 0, ablations.stderr);
  const names = [...ablations.stdout.matchAll(/^(\S+) +\d+\.\d/gm)].map(([, name]) => name);
  deepEqual(names, ["full", "no-query", "no-attention", "conv", "pixels", "32x32"]);
});

test("what is damaged in a model's folder is told with what helps, and the others are done", async (folder) => {
  await makeData(folder);
  const small = [
    "--backbone",
    "gabor",
    "--image-size",
    "32",
    "--feature-size",
    "8",
    "--category",
    "grid,weave",
  ];
  const args = ["reproduce", "mvtec", "--data", "d", ...small, "--methods", "knn", "--out", "run"];
  const whole = await adtr(folder, ...args);
  equal(whole.code, 0, whole.stderr);
  const cell = join(folder, "run", "knn", "seed-0", "grid");
  const refused = async (
    file: string,
    bad: string,
    wanted = /: Expected .*\.json as a run has left it, but found /,
  ) => {
    for (const mode of [[], ["--table"]]) {
      const { code, stdout, stderr } = await adtr(folder, ...args, ...mode);
      equal(code, 1, `${file} ${bad}`);
      const lines = stderr.slice(stderr.indexOf("knn on grid with seed 0: ")).trimEnd().split("\n");
      match(lines[0], wanted, `${file} ${bad}`);
      equal(lines[1], `Without the folder ${join("run", "knn", "seed-0", "grid")} it is done again.`, bad);
      equal(lines.length, 2, stderr);
      match(stdout, /^grid +–\nweave +\d+\.\d$/m);
    }
  };
  const config = JSON.parse(await Deno.readTextFile(join(cell, "config.json")));
  const others = [{ data: "d" }, { ...config, seed: { a: 1 } }, { ...config, image_size: "32" }, {
    ...config,
    environment: 5,
  }];
  for (const file of ["metrics.json", "speed.json", "config.json"]) {
    const good = await Deno.readTextFile(join(cell, file));
    const bads = ["null", "{}", '{"grid":{"image_auroc":"x"}}', "{"];
    for (const bad of file === "config.json" ? [...bads, ...others.map((x) => JSON.stringify(x))] : bads) {
      await Deno.writeTextFile(join(cell, file), bad);
      await refused(file, bad);
    }
    await Deno.remove(join(cell, file));
    if (file !== "metrics.json") await refused(file, "none", /: Can't read .*\.json: No such file/); // without these it is not done
    await Deno.writeTextFile(join(cell, file), good);
  }
  equal((await adtr(folder, ...args, "--data", join(folder, "d"))).stdout, whole.stdout); // the same place
  const inside = await adtr(folder, "reproduce", "mvtec", "--data", "d", ...SMALL, "--out", cell);
  match(
    inside.stderr,
    /^error: Expected --out to be a folder for reproductions, but found a run of train in /,
  );
});

test("a cell is as train leaves it; adtr+ comes after adtr; a cache that can't be used costs time only", async (folder) => {
  await makeData(folder);
  await Deno.mkdir(join(folder, "cache"));
  await Deno.writeTextFile(join(folder, "cache", "adtr"), "in the way");
  const args = [
    "reproduce",
    "mvtec",
    "--data",
    "d",
    ...SMALL,
    "--category",
    "grid",
    "--epochs",
    "2",
    "--plus-epochs",
    "1",
  ];
  const run = await adtr(folder, ...args, "--methods", "adtr+,adtr", "--out", "run");
  equal(run.code, 0, run.stderr);
  match(run.stderr, /^The feature cache .* can't be .*, going on without: /m);
  const config = join("run", "adtr+", "seed-0", "grid", "config.json");
  const again = await adtr(folder, "train", "--config", config, "--out", "again");
  equal(again.code, 0, again.stderr);
  for (const file of ["model.safetensors", "log.jsonl", "metrics.json"]) {
    deepEqual(
      await Deno.readFile(join(folder, "again", file)),
      await Deno.readFile(join(folder, "run", "adtr+", "seed-0", "grid", file)),
      file,
    );
  }
});
