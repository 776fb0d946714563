/**
 * Methods on the command line: whose options help shows, whose are taken, and what config.json holds of them.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { flagOf } from "../../src/commands/options.ts";
import { methods } from "../../src/methods/registry.ts";
import { rulesOf, SETTINGS } from "../../src/methods/resolve.ts";
import { adtr, test } from "./adtr.ts";

/** The options that help lists. */
function flagsIn(help: string): string[] {
  return [...help.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, flag]) => flag);
}

test("help shows a method's options and no other method's", async (folder) => {
  for (const { name } of methods) {
    for (const args of [["--help", "--method", name], [`--method=${name}`, "--help"]]) {
      const { code, stdout, stderr } = await adtr(folder, "train", ...args);
      deepEqual([code, stderr], [0, ""]);
      const shown = flagsIn(stdout);
      for (const setting of SETTINGS.keys()) {
        const own = Object.hasOwn(rulesOf(name), setting);
        equal(shown.includes(flagOf(setting)), own, `${name} ${setting}`);
      }
      match(stdout, new RegExp(`\\nShown are the settings of ${name}: `));
    }
  }
  const { stdout } = await adtr(folder, "train", "--help");
  ok(flagsIn(stdout).includes("--hidden") && !flagsIn(stdout).includes("--coreset"));
  match(stdout, /\nShown are the settings of adtr: .*--loss px or img\.\n/);
  const reproduce = await adtr(folder, "reproduce", "--help", "--method", "patchcore");
  ok(flagsIn(reproduce.stdout).includes("--coreset") && !flagsIn(reproduce.stdout).includes("--hidden"));
});

test("an option of another method is a wrong use, said in words", async (folder) => {
  const cases: [args: string, message: string][] = [
    ["--method padim --hidden 8", "Expected --hidden 8 with --method adtr only, but found padim"],
    ["--method padim --loss px", "Expected --loss px with --method adtr only, but found padim"],
    ["--coreset 0.5", "Expected --coreset 0.5 with --method patchcore only, but found adtr"],
    ["--method knn --no-shuffle", "Expected --no-shuffle false with --method adtr or "],
    ["--method knn --image-rule map", "Expected --image-rule map with --method spade or patchcore or "],
    ["--method nn", "Expected --method to be one of "],
    ["--method padim --init x", "Expected --init with a method that begins with parameters, but found padim"],
    [
      "--method padim --anomalous x",
      "Expected --anomalous with a method that learns from anomalous images, but found padim",
    ],
    ["--method kde --maps-tiff", "Expected --maps-tiff with a method that makes maps, but found kde"],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await adtr(folder, "train", ...args.split(" "), "--out", "run");
    deepEqual([code, stdout], [2, ""], args + stderr);
    ok(stderr.startsWith(`error: ${message}`), stderr);
    equal(stderr.split("\n").length, 2);
  }
  deepEqual(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), []);
});

test("config.json and the model hold the method's settings and no others; config files are read as such", async (folder) => {
  const sizes = ["--size", "32", "--train", "3", "--test-good", "1", "--test-per-defect", "1"];
  await adtr(folder, "data", "make", "d", "--category", "grid", ...sizes);
  const small = ["--backbone", "gabor", "--image-size", "32", "--feature-size", "4"];
  const trained = await adtr(folder, "train", "--data", "d", "--method", "padim", ...small, "--out", "run");
  equal(trained.code, 0, trained.stderr);
  const text = await Deno.readTextFile(join(folder, "run/config.json"));
  const { data, category, environment, ...settings } = JSON.parse(text);
  deepEqual([data, category, typeof environment], ["d", "grid", "object"]);
  deepEqual(Object.keys(settings).sort(), Object.keys(rulesOf("padim")).sort());
  equal(settings.padim_channels, 0);

  const again = await adtr(folder, "train", "--config", "run/config.json", "--out", "again");
  equal(again.code, 0, again.stderr);
  deepEqual(
    await Deno.readFile(join(folder, "again/model.safetensors")),
    await Deno.readFile(join(folder, "run/model.safetensors")),
  );
  await Deno.writeTextFile(join(folder, "c.json"), JSON.stringify({ ...JSON.parse(text), hidden: 8 }));
  const other = await adtr(folder, "train", "--config", "c.json", "--out", "other");
  deepEqual([other.code, other.stderr], [
    2,
    "error: In c.json: Expected hidden 8 with method adtr only, but found padim\n",
  ]);

  // What changes scores can be another one when a model is opened, where its method has it.
  const score = (...args: string[]) =>
    adtr(folder, "score", "--model", "run/model.safetensors", "--out", "s", "d/grid/test/good", ...args);
  equal((await score("--sigma", "1")).code, 0);
  const refused = await score("--neighbours", "3");
  deepEqual([refused.code, refused.stderr.split("\n")[0]], [
    2,
    "error: Expected --neighbours 3 with --method spade only, but found padim",
  ]);
});
