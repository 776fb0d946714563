/**
 * Runs from images to files: train, eval, score and features, interrupted ones too, and what they leave alone.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { lockRun } from "../../src/commands/folders.ts";
import { adtr, CLI, environment, test, TINY } from "./adtr.ts";

test("train, eval, score and features, from images to files", async (folder) => {
  const make = [
    "--category",
    "grid,weave",
    "--size",
    "32",
    "--train",
    "4",
    "--test-good",
    "2",
    "--test-per-defect",
    "1",
  ];
  await adtr(folder, "data", "make", "d", ...make);
  const trained = await adtr(
    folder,
    "train",
    "--data",
    "d",
    "--preset",
    "demo",
    "--epochs",
    "2",
    ...TINY,
    "--out",
    "run",
  );
  equal(trained.code, 0, trained.stderr);
  match(trained.stdout, /^category .*\n─+\ngrid .*\nweave .*\n─+\nmean .*\n/);
  match(trained.stderr, /^grid: training, epoch 2\/2, loss \d/m);
  for (const file of ["config.json", "log.jsonl", "model.safetensors", "metrics.json", "report.html"]) {
    ok((await Deno.stat(join(folder, "run/grid", file))).isFile, file);
  }
  match(trained.stdout, /\nOver all categories:\n {2}run\/report\.html\n/);
  const index = await Deno.readTextFile(join(folder, "run/report.html"));
  deepEqual([...index.matchAll(/href="([^"]+)"/g)].map(([, to]) => to), [
    "./grid/report.html",
    "./weave/report.html",
  ]);
  const config = JSON.parse(await Deno.readTextFile(join(folder, "run/grid/config.json")));
  deepEqual([config.category, config.epochs, config.hidden, config.environment.deno], [
    "grid",
    2,
    8,
    Deno.version.deno,
  ]);

  // A run in the way is left alone; it can be gone on with, but not under other settings.
  const model = await Deno.readFile(join(folder, "run/grid/model.safetensors"));
  const again = await adtr(folder, "train", "--config", "run/config.json", "--out", "run");
  equal(again.code, 1);
  match(
    again.stderr,
    /^error: Expected --out to be a folder without a run, but found run\/grid\/model\.safetensors\.\n/,
  );
  const other = await adtr(folder, "train", "--resume", "--out", "run", "--hidden", "16");
  deepEqual([other.code, other.stderr], [
    2,
    "error: Expected --hidden to be 8 as in run/config.json, but found 16\n",
  ]);
  const same = await adtr(folder, "train", "--config", "run/grid/config.json", "--out", "same", "--json");
  equal(same.code, 0, same.stderr);
  deepEqual(await Deno.readFile(join(folder, "same/model.safetensors")), model);
  const metrics = JSON.parse(await Deno.readTextFile(join(folder, "run/grid/metrics.json")));
  equal(JSON.parse(same.stdout).categories.grid.image_auroc, metrics.grid.image_auroc);

  const places = ["--model", "run/grid/model.safetensors", "--out", "e"];
  const evaluated = await adtr(folder, "eval", ...places, "--data", "d", "--category", "grid");
  equal(evaluated.code, 0, evaluated.stderr);
  deepEqual(JSON.parse(await Deno.readTextFile(join(folder, "e/metrics.json"))), metrics);

  const scored = await adtr(
    folder,
    "score",
    ...places,
    "--maps",
    "d/grid/test/good",
    "d/grid/train/good/000.png",
    "--json",
  );
  equal(scored.code, 0, scored.stderr);
  const rows = JSON.parse(scored.stdout) as { image: string; score: number; heatmap: string }[];
  const csv = (await Deno.readTextFile(join(folder, "e/scores.csv"))).trimEnd().split("\n");
  deepEqual(csv[0], "image,score,label,normalised,heatmap,error");
  deepEqual(
    csv.slice(1).map((line) => line.split(",").slice(0, 2)),
    rows.map(({ image, score }) => [image, `${score}`]),
  );
  deepEqual(rows.map(({ heatmap }) => heatmap), [
    "heatmaps/test_good_000.png",
    "heatmaps/test_good_001.png",
    "heatmaps/train_good_000.png",
  ]);
  for (const { score, heatmap } of rows) {
    equal(Math.fround(score), score);
    ok((await Deno.stat(join(folder, "e", heatmap))).isFile);
  }

  const unwritable = await adtr(
    folder,
    "train",
    "--config",
    "run/grid/config.json",
    "--out",
    "e/scores.csv/run",
  );
  deepEqual([unwritable.code, unwritable.stderr], [
    1,
    "error: Can't make the folder e/scores.csv/run: Not a directory\n",
  ]);

  const sizes = ["--backbone", "gabor", "--image-size", "32", "--feature-size", "4"];
  const features = await adtr(folder, "features", ...sizes, "--out", "f.safetensors", "d/grid/test/good");
  deepEqual(
    [features.code, features.stdout],
    [0, "f.safetensors: features [2, 81, 4, 4]\n"],
    features.stderr,
  );
});

test("interrupted, it saves and says how to go on; gone on with, it ends as if never stopped", async (folder) => {
  const make = [
    "--category",
    "grid",
    "--size",
    "32",
    "--train",
    "4",
    "--test-good",
    "1",
    "--test-per-defect",
    "0",
  ];
  await adtr(folder, "data", "make", "d", ...make);
  const config = ["--data", "d", "--preset", "demo", "--epochs", "150", ...TINY];
  const whole = await adtr(folder, "train", ...config, "--out", "whole");
  equal(whole.code, 0, whole.stderr);

  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, "train", ...config, "--out", "run", "--maps-tiff"],
    cwd: folder,
    env: environment(folder),
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let stderr = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    if (!stderr.includes(" epoch ") && (stderr + text).includes(" epoch ")) child.kill("SIGINT");
    stderr += text;
  }
  equal((await child.status).code, 130, stderr);
  match(stderr, /\nstopped; go on with: \.\/adtr train --resume --out run --maps-tiff\n$/);
  // Other images are refused, and leave the run as it was.
  await adtr(folder, "data", "make", "other", "--seed", "1", ...make);
  const refused = await adtr(folder, "train", "--resume", "--out", "run", "--data", "other");
  equal(refused.code, 1);
  match(refused.stderr, /error: Expected to go on from run.checkpoint\.safetensors with features_sha256 /);

  const resumed = await adtr(folder, "train", "--resume", "--out", "run");
  equal(resumed.code, 0, resumed.stderr);
  for (const file of ["model.safetensors", "log.jsonl", "metrics.json"]) {
    deepEqual(
      await Deno.readFile(join(folder, "run", file)),
      await Deno.readFile(join(folder, "whole", file)),
      file,
    );
  }
});

test("nothing that lies in --out is lost, and two runs don't mix", async (folder) => {
  const make = [
    "--category",
    "grid",
    "--size",
    "32",
    "--train",
    "6",
    "--test-good",
    "2",
    "--test-per-defect",
    "1",
  ];
  await adtr(folder, "data", "make", "d", ...make);
  const config = ["--data", "d", "--preset", "demo", "--epochs", "1", ...TINY];
  equal((await adtr(folder, "train", ...config, "--out", "run")).code, 0);
  const listing = async (path: string): Promise<string[]> =>
    (await Array.fromAsync(Deno.readDir(join(folder, path)), ({ name }) => name)).sort();
  const before = await listing("run/heatmaps");

  // Heat maps of a run, or of nobody known, stay; those of an earlier score are replaced.
  const image = "d/grid/test/good/000.png", model = ["--model", "run/model.safetensors"];
  const over = await adtr(folder, "score", ...model, "--out", "run", image);
  equal(over.code, 1);
  match(
    over.stderr,
    /^error: Expected --out to be a folder without other heat maps, but found run.heatmaps\.\n/,
  );
  deepEqual(await listing("run/heatmaps"), before);
  for (const input of [image, "d/grid/test"]) {
    equal((await adtr(folder, "score", ...model, "--out", "s", input)).code, 0);
  }
  ok((await listing("s/heatmaps")).length > 1);
  await Deno.mkdir(join(folder, "own/heatmaps"), { recursive: true });
  const train = await adtr(folder, "train", ...config, "--out", "own");
  match(train.stderr, /^error: Expected --out to be a folder without a run, but found own.heatmaps\.\n/);

  // A run that another program is at.
  await Deno.mkdir(join(folder, "busy"));
  {
    using _lock = await lockRun(join(folder, "busy"));
    const second = await adtr(folder, "train", ...config, "--out", "busy");
    deepEqual([second.code, second.stderr], [
      1,
      "error: Expected --out to be a folder that no other run writes to, but found one at work in busy\n",
    ]);
    deepEqual(await listing("busy"), [".lock"]);
  }
  equal((await adtr(folder, "train", ...config, "--out", "busy")).code, 0);

  // Nothing to go on from: a finished model is not trained again.
  const preset = await adtr(folder, "train", "--resume", "--out", "run", "--preset", "paper");
  deepEqual([preset.code, preset.stderr.split(",")[0]], [2, "error: Expected no --preset with --resume"]);
  await Deno.remove(join(folder, "run/checkpoint.safetensors"));
  const finished = await adtr(folder, "train", "--resume", "--out", "run");
  equal(finished.code, 1);
  match(
    finished.stderr,
    /Expected run.checkpoint\.safetensors to go on from, but found only a finished model\.\n/,
  );
  await Deno.remove(join(folder, "run/model.safetensors"));
  const again = await adtr(folder, "train", "--resume", "--out", "run");
  equal(again.code, 0);
  match(again.stderr, /grid: no checkpoint in run yet, beginning again with the first step\n/);

  // Told before the work.
  const wide = await adtr(folder, "train", ...config, "--hidden", "8192", "--out", "wide");
  equal(wide.code, 1);
  match(
    wide.stderr,
    /^.*checking.*\nerror: The parameters .* but found \d+ MiB\.\nLower --hidden, --ffn or --layers\.\n$/,
  );
  const file = await adtr(
    folder,
    "features",
    "--out",
    "d",
    "--image-size",
    "32",
    "--feature-size",
    "4",
    image,
  );
  deepEqual([file.code, file.stderr], [1, "error: Expected --out to be a file, but found the folder d\n"]);
});
