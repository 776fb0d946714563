/**
 * The program as its user meets it: run as a child process, exit codes and what is printed where.
 *
 * @module
 */
import { lockRun } from "../../src/commands/folders.ts";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../folder.ts";

const CLI = join(import.meta.dirname!, "..", "..", "cli.ts");

const { denoDir } = JSON.parse(
  new TextDecoder().decode(
    (await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output()).stdout,
  ),
);

/** Where the program runs: its own cache in a test's folder, Deno's where it is. */
function environment(folder: string): Record<string, string> {
  return {
    NO_COLOR: "1",
    NODEVICE_SELECT: "1",
    DENO_DIR: denoDir,
    XDG_CACHE_HOME: join(folder, "cache"),
    // Compiled shaders are found again where they are.
    MESA_SHADER_CACHE_DIR: Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? folder, ".cache"),
  };
}

/** How a command ended. */
interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program in a folder; the last argument may be environment variables. */
async function adtr(folder: string, ...args: (string | Record<string, string>)[]): Promise<Ended> {
  const variables = args.filter((arg) => typeof arg === "object")[0];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, ...args.filter((arg) => typeof arg === "string")],
    cwd: folder,
    env: { ...environment(folder), ...variables },
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

const test = (name: string, body: (folder: string) => Promise<void>): void =>
  Deno.test(name, () => inFolder(body));

/** Small enough to train in a second or two. */
const TINY = ["--image-size", "32", "--feature-size", "4", "--hidden", "8", "--heads", "2", "--ffn", "8"];

Deno.test("importing the program does not run it", async () => {
  deepEqual(Object.keys(await import("../../cli.ts")), []);
});

test("help on every level, with an example, on stdout", async (folder) => {
  const commands = [
    "",
    "train",
    "eval",
    "score",
    "features",
    "data",
    "data make",
    "data check",
    "weights",
    "weights inspect",
    "weights fetch",
    "weights convert",
    "info",
    "bench",
  ];
  for (const command of commands) {
    const { code, stdout, stderr } = await adtr(folder, ...command.split(" ").filter(Boolean), "--help");
    deepEqual([code, stderr], [0, ""], command);
    match(stdout, new RegExp(`^Usage: ${`adtr ${command}`.trim()} `));
    match(stdout, /Examples?(, without any data at hand)?:\n {2}\.\/adtr /, command);
  }
});

test("help names defaults", async (folder) => {
  const { stdout } = await adtr(folder, "train", "--help");
  match(stdout, /--epochs <N> .*\(default: 500, demo 13\)/);
  match(stdout, /--lr-step <N> .*\s+\(default: 400\)/);
});

test("wrong usage: exit code 2, one or two lines that name what is wrong and what is near", async (folder) => {
  const cases: [args: string, stderr: string][] = [
    ["trian", "error: unknown command 'trian'\n(Did you mean train?)\n"],
    ["data mkae r", "error: unknown command 'mkae'\n(Did you mean make?)\n"],
    ["train --epohcs 3", "error: unknown option '--epohcs'\n(Did you mean --epochs?)\n"],
    ["train --epochs", "error: option '--epochs <N>' argument missing\n"],
    ["train --epochs 1.5", "error: Expected --epochs to be a whole number of at least 1, but found 1.5\n"],
    ["train --epochs x", 'error: Expected --epochs to be a whole number of at least 1, but found "x"\n'],
    ["train --lr -1", "error: Expected --lr to be a number above 0, but found -1\n"],
    ["train --dropout 1", "error: Expected --dropout to be a number from 0 to below 1, but found 1\n"],
    ["train --loss px", 'error: Expected --loss to be norm, but found "px"\n'],
    ["train --heads 5", "error: Expected --hidden to be a multiple of 4 and of --heads 5, but found 64\n"],
    ["train --preset fast", 'error: Expected --preset to be paper or demo, but found "fast"\n'],
    ["train --resume", "error: Expected --out RUN with --resume, the run to go on with, but found none\n"],
    ["score a.png --out d", "error: required option '--model <FILE>' not specified\n"],
    ["features --out f", "error: missing required argument 'IMAGE_OR_DIR'\n"],
    ["info now", "error: too many arguments for 'info'. Expected 0 arguments but got 1: now.\n"],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await adtr(folder, ...args.split(" "));
    deepEqual([code, stdout, stderr], [2, "", expected], args);
  }
});

test("bad input: exit code 1, one or two lines that name the file, and nothing is written", async (folder) => {
  await Deno.writeTextFile(join(folder, "text.png"), "no image");
  await Deno.mkdir(join(folder, "empty"));
  const cases: [args: string, stderr: RegExp][] = [
    ["train --data nowhere --out run", /^error: Can't read nowhere: No such file or directory\n$/],
    ["train --data empty --out run", /^error: Expected images, .* in empty, but found none of these\n$/],
    [
      "train --category bottel --out run",
      /^error: Expected a procedural category \(.*\), but found "bottel"\n$/,
    ],
    ["train --config text.png --out run", /^error: Expected JSON in text\.png, but found .*\n$/],
    [
      "train --init text.png --out run",
      /^error: Expected a safetensors file or .* in text\.png, but found .*\n$/,
    ],
    [
      "train --weights text.png --out run",
      /^error: Expected a safetensors file or .* in text\.png, but found .*\n$/,
    ],
    [
      "features --backbone gabor --out f none.png",
      /^error: Expected none\.png to be an image or a folder, .*\n$/,
    ],
    [
      "features --backbone gabor --out f text.png",
      /^error: Expected text\.png to be a PNG, .* image, but found .*\n$/,
    ],
    ["score --model text.png --out run text.png", /^error: .*text\.png.*\n$/],
    ["score --model nowhere --out text.png/run text.png", /^error: Can't read nowhere: .*\n$/],
    ["eval --model text.png --data empty --category a --out run", /^error: Expected images, .*\n$/],
    [
      "weights inspect text.png",
      /^error: Expected a safetensors file or .* in text\.png, but found something else\n$/,
    ],
    ["weights fetch b5", /^error: Expected one of .* as the weights to fetch, but found "b5"\n$/],
    ["data make empty --category x", /^error: Expected a procedural category \(.*\), but found "x"\n$/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await adtr(folder, ...args.split(" "));
    deepEqual([code, stdout], [1, ""], args + stderr);
    match(stderr, expected, args);
  }
  const left = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  deepEqual(left.filter((name) => name !== "cache").sort(), ["empty", "text.png"]);
});

test("info tells what the program runs on, as a table or JSON", async (folder) => {
  const plain = await adtr(folder, "info");
  equal(plain.code, 0);
  match(plain.stdout, /^self-test +passed$/m);
  const { adapter, versions, limits } = JSON.parse((await adtr(folder, "info", "--json")).stdout);
  equal(versions.deno, Deno.version.deno);
  ok(adapter.description && limits.maxStorageBufferBindingSize >= 128 << 20);
});

test("without a GPU adapter it says what is needed", async (folder) => {
  const { code, stdout, stderr } = await adtr(folder, "info", { DENO_WEBGPU_BACKEND: "none" });
  deepEqual([code, stdout], [1, ""]);
  match(stderr, /^error: No GPU adapter found: .*\n.*apt-get install libvulkan1 mesa-vulkan-drivers.*\n$/);
});

test("weights fetch checks what it gets and then keeps nothing that is wrong", async (folder) => {
  await using server = Deno.serve({ port: 0, onListen: () => {} }, () => new Response("no weights"));
  const url = `http://127.0.0.1:${server.addr.port}/b4.pth`;
  const { code, stdout, stderr } = await adtr(
    folder,
    "weights",
    "fetch",
    "timm",
    "--url",
    url,
    "--out",
    "b4.pth",
  );
  deepEqual([code, stdout], [1, ""]);
  match(
    stderr,
    /error: Expected SHA-256 7eb33cd5 of http:\S+, but found [0-9a-f]{64}; nothing was written\n$/,
  );
  deepEqual(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), []);
});

test("a folder of normal images is enough to train on", async (folder) => {
  await adtr(folder, "data", "make", "d", "--category", "grid", "--size", "32", "--train", "3");
  const sizes = [...TINY, "--preset", "demo", "--epochs", "1"];
  const { code, stdout, stderr } = await adtr(
    folder,
    "train",
    "--data",
    "d/grid/train/good",
    ...sizes,
    "--out",
    "run",
  );
  equal(code, 0, stderr);
  match(stdout, /^good +– +– +– .*\n\ngood: no normal and anomalous test images to tell apart\n/m);
});

test("data make and data check: what is made is found, and faults end in exit code 1", async (folder) => {
  const args = [
    "--category",
    "grid",
    "--size",
    "32",
    "--train",
    "2",
    "--test-good",
    "1",
    "--test-per-defect",
    "1",
  ];
  const made = await adtr(folder, "data", "make", "d", ...args);
  deepEqual([made.code, made.stdout], [0, "1 category in d\n"]);
  const good = await adtr(folder, "data", "check", "d", "--json");
  equal(good.code, 0);
  const [{ name, train, testGood, errors }] = JSON.parse(good.stdout);
  deepEqual({ name, train, testGood, errors }, { name: "grid", train: 2, testGood: 1, errors: [] });

  await Deno.writeTextFile(join(folder, "d/grid/train/good/000.png"), "");
  const bad = await adtr(folder, "data", "check", "d");
  equal(bad.code, 1);
  match(bad.stdout, /^grid +2 +1 /m);
  match(bad.stdout, /^grid: error: Expected d\/grid\/train\/good\/000\.png to be /m);
  match(bad.stderr, /\nerror: Found 1 fault in d\n$/);
});

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
  deepEqual(csv, ["image,score", ...rows.map(({ image, score }) => `${image},${score}`)]);
  deepEqual(rows.map(({ heatmap }) => heatmap), [
    "e/heatmaps/test_good_000.png",
    "e/heatmaps/test_good_001.png",
    "e/heatmaps/train_good_000.png",
  ]);
  for (const { score, heatmap } of rows) {
    equal(Math.fround(score), score);
    ok((await Deno.stat(join(folder, heatmap))).isFile);
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
    args: ["run", "-A", CLI, "train", ...config, "--out", "run"],
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
  match(stderr, /\nstopped; go on with: \.\/adtr train --resume --out run\n$/);
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
  match(wide.stderr, /^error: The parameters .* but found \d+ MiB\.\nLower --hidden, --ffn or --layers\.\n$/);
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
