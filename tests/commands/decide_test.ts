/**
 * From a model to a decision by command: thresholds shown, changed and given for a call, and images scored by them.
 *
 * @module
 */
import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { join } from "node:path";
import { checkRules } from "../../src/commands/thresholds.ts";
import { UNDECIDED } from "../../src/methods/decision.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { adtr, CLI, type Ended, environment, test } from "./adtr.ts";

const MODEL = "run/model.safetensors", DATA = ["--data", "d", "--category", "grid"];
const SMALL = ["--method", "padim", "--backbone", "gabor", "--image-size", "32", "--feature-size", "4"];

async function train(folder: string): Promise<void> {
  const sizes = ["--size", "32", "--train", "6", "--test-good", "2", "--test-per-defect", "1"];
  await adtr(folder, "data", "make", "d", "--category", "grid", ...sizes);
  const { code, stderr } = await adtr(folder, "train", "--data", "d", ...SMALL, "--out", "run");
  equal(code, 0, stderr);
}

test("a model's thresholds are shown and changed, and nothing else in its file", async (folder) => {
  await train(folder);
  const threshold = async (...args: string[]): Promise<Ended> => await adtr(folder, "threshold", ...args);
  const bytes = await Deno.readFile(join(folder, MODEL));
  const shown = await threshold(MODEL);
  match(
    shown.stdout,
    /^threshold \d\S*: (\S+) quantile of 6 held-out normal images\npixel threshold \d.*\n$/,
  );
  const rule = `quantile:${/: (\S+) quantile/.exec(shown.stdout)![1]}`;
  deepEqual(await Deno.readFile(join(folder, MODEL)), bytes);

  await Deno.symlink(join(folder, MODEL), join(folder, "link.safetensors"));
  const changed = await threshold("link.safetensors", "-1.5", "--pixel", "quantile:0.5", "--json");
  equal(changed.code, 0, changed.stderr);
  const { image, pixel } = JSON.parse(changed.stdout);
  deepEqual([image, pixel.at, pixel.images], [{ value: -1.5, from: "given", images: 0 }, 0.5, 6]);
  ok((await Deno.lstat(join(folder, "link.safetensors"))).isSymlink);
  const found = await readSafetensors(join(folder, MODEL));
  await Deno.writeFile(join(folder, "before.safetensors"), bytes);
  const before = await readSafetensors(join(folder, "before.safetensors"));
  deepEqual([...found.tensors], [...before.tensors]);
  const { decision, ...metadata } = found.metadata;
  deepEqual(metadata, (({ decision: _, ...others }) => others)(before.metadata));
  deepEqual(JSON.parse(decision), JSON.parse(changed.stdout));

  const labelled = await threshold(MODEL, "f1", ...DATA);
  match(
    labelled.stdout,
    /^threshold \S+: best F1 on \d+ test images, whose labels were used\n/,
    labelled.stderr,
  );
  const back = await threshold(MODEL, rule, "--pixel", rule);
  deepEqual([back.code, back.stdout], [0, shown.stdout]);
  deepEqual(await Deno.readFile(join(folder, MODEL)), bytes);

  for (
    const [args, code, message] of [
      [
        ["f1"],
        2,
        /^error: Expected --data and --category with RULE f1, which goes by labels, but found neither$/,
      ],
      [["2", ...DATA], 2, /^error: Expected a rule f1 or fpr:X with --data, /],
      [["most"], 2, /^error: Expected RULE to be none, a number, .* but found "most"$/],
    ] as [string[], number, RegExp][]
  ) {
    const refused = await threshold(MODEL, ...args);
    equal(refused.code, code);
    match(refused.stderr.trimEnd(), message);
  }
  deepEqual(await Deno.readFile(join(folder, MODEL)), bytes);

  const eval_ = await adtr(folder, "eval", "--model", MODEL, ...DATA, "--out", "e", "--threshold", "fpr:0.5");
  match(
    eval_.stdout,
    /\nthreshold \S+: false-positive rate of 0.5 on \d+ test images, whose labels were used\n/,
  );
  const { grid } = JSON.parse(await Deno.readTextFile(join(folder, "e/metrics.json")));
  deepEqual([grid.threshold.from, grid.threshold.fpr, grid.pixel_threshold.from], [
    "fpr",
    0.5,
    "normal-quantile",
  ]);
});

Deno.test("rules that a model can't follow are refused before images are scored, by labels or not", () => {
  const known = { decision: UNDECIDED, heldOut: null, maps: false, model: "m" };
  for (const rule of ["f1", "fpr:0.1", 1]) {
    throws(() => checkRules({ threshold: "f1", pixelThreshold: rule }, known), {
      name: "InputError",
      message:
        `Expected a model that makes maps with --pixel-threshold ${rule}, but found m, which scores whole images`,
    });
    checkRules({ threshold: rule, pixelThreshold: rule }, { ...known, maps: true });
  }
  checkRules({ threshold: "f1", pixelThreshold: "none" }, known);
  throws(() => checkRules({ threshold: "quantile:0.9", pixelThreshold: "f1" }, { ...known, maps: true }), {
    message: /^Expected held-out scores in m, .* for --threshold quantile:0\.9, but found none$/,
  });
});

test("what can't be read does not end a call, nor what is not there a watch", async (folder) => {
  await train(folder);
  await Deno.writeTextFile(join(folder, "d/grid/test/good/broken.png"), "no image");
  const model = ["--model", MODEL];
  const scored = await adtr(
    folder,
    "score",
    ...model,
    "--out",
    "s",
    "--threshold",
    "none",
    "d/grid/test/good",
  );
  equal(scored.code, 1);
  match(scored.stdout, /\n3 images: 1 unreadable\n {2}Expected d.grid.test.good.broken\.png to be /);
  match(scored.stderr, /\nerror: 1 of 3 images can't be read\n$/);
  const without = await adtr(
    folder,
    "score",
    ...model,
    "--out",
    "n",
    "--threshold",
    "none",
    "--only",
    "anomalous",
    "d",
  );
  match(
    without.stderr,
    /error: Expected a model with a threshold for --only anomalous, but found none in run/,
  );
  const labels = await adtr(folder, "score", ...model, "--out", "n", "--pixel-threshold", "f1", "d");
  equal(labels.code, 2);
  match(
    labels.stderr,
    /^error: Expected a number, quantile:Q or none, as score knows no labels, but found --pixel/,
  );

  // Paths from standard input.
  const child = spawn(folder, [...model, "--out", "i", "-0", "-", "--threshold", "-1e9", "--json"]);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("d/grid/test/good/000.png\0gone.png\0"));
  await writer.close();
  const { stdout, code } = await child.output();
  const rows = JSON.parse(new TextDecoder().decode(stdout));
  deepEqual([code, rows[0].image, rows[0].label, rows[1].image], [
    1,
    "d/grid/test/good/000.png",
    "anomalous",
    "gone.png",
  ]);
  match(rows[1].error, /^Can't read gone\.png: /);

  // A folder that is watched until SIGTERM, twice; with another --sigma there is no threshold.
  for (const [i, options] of [[], ["--resume"]].entries()) {
    await Deno.mkdir(join(folder, "in"), { recursive: true });
    await Deno.copyFile(join(folder, "d/grid/test/good/000.png"), join(folder, `in/${i}.png`));
    const child = spawn(folder, [
      ...model,
      "--out",
      "w",
      "--watch",
      "in",
      "--json",
      "--sigma",
      "1",
      ...options,
    ]);
    await child.stdin.close();
    let text = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (text === "") child.kill("SIGTERM");
      text += part;
    }
    const stderr = await new Response(child.stderr).text();
    equal((await child.status).code, 0, stderr);
    match(stderr, /^--sigma: not as in training, so the model's thresholds and held-out scores don't hold$/m);
    const { image, label, heatmap } = JSON.parse(text);
    deepEqual([image, label, heatmap], [`in/${i}.png`, null, `heatmaps/${i}.png`]);
  }
  const lines = (await Deno.readTextFile(join(folder, "w/scores.csv"))).trimEnd().split("\n");
  deepEqual(lines.map((line) => line.split(",")[0]), ["image", "in/0.png", "in/1.png"]);
});

function spawn(folder: string, args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, "score", ...args],
    cwd: folder,
    env: environment(folder),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
