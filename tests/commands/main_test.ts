/**
 * What the program says and how it ends: help, wrong usage, bad input, the smaller commands.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { adtr, test, TINY } from "./adtr.ts";

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
    "export",
    "export onnx",
    "data",
    "data make",
    "data check",
    "weights",
    "weights inspect",
    "weights fetch",
    "weights convert",
    "info",
    "bench",
    "bench tune",
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
  match(stdout, /--epochs <N>.*\(default:\s+6,\s+paper\s+500,\s+demo\s+13\)/s);
  match(stdout, /--lr-step <N> .*?\(default:\s+400\)/s);
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
    ["train --loss pix", 'error: Expected --loss to be one of norm, px, img, but found "pix"\n'],
    [
      "train --loss px --outliers o",
      "error: Expected --outliers with --loss img and without --anomalous only, but found --loss px\n",
    ],
    [
      "train --anomalous a",
      "error: Expected --anomalous with --loss px or img, but found --loss norm\n",
    ],
    [
      "train --loss px --anomalous a",
      "error: Expected one category with --anomalous, but found bottle, wood, leather\n",
    ],
    [
      "train --loss img --image-k 257",
      "error: Expected --image-k to be at most 256, the positions of a feature map of --feature-size 16, but found 257\n",
    ],
    [
      "train --levels 2,x",
      'error: Expected --levels to be a text: all, or numbers of 1 to 9 with commas between them, but found "2,x"\n',
    ],
    ["train --levels 1", "error: Expected no --levels for the built-in backbone gabor, but found 1\n"],
    ["train --sigma 1e9", "error: Expected --sigma to be a number from 0 to 256, but found 1000000000\n"],
    ["train --heads 5", "error: Expected --hidden to be a multiple of 4 and of --heads 5, but found 64\n"],
    [
      "train --preset fast",
      'error: Expected --preset to be one of small, paper, quick, demo, but found "fast"\n',
    ],
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
  match(
    stdout,
    /\nReports without heat maps:\n {2}run\/report\.html\nThresholds .*:\n {2}\S+: \d.*, 0\.95 quantile of \d+ held-out normal images\nScore /,
  );
  ok(!stdout.includes("Reports with heat maps"), stdout);
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
