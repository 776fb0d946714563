/**
 * The part `paper`: the paper's setting on one category, from image files to results, by the program itself. Where the time
 * does not suffice, what its log says of the epochs that were done.
 *
 * @module
 */
import { join } from "node:path";
import { makeDataset } from "../../src/host/make_dataset.ts";
import { writeSafetensors } from "../../src/host/tensor_files.ts";
import { runDeno } from "./child.ts";
import { left, offline, tell, told } from "./part.ts";
import { stateDict } from "./weights.ts";

const options = told(), { quick, work } = options;
const category = "bottle", epochs = quick ? 2 : 500;
const size = quick ? 64 : 256, train = quick ? 4 : 250, test = quick ? 1 : 20;

let began = performance.now();
const since = () => (performance.now() - began) / 1000;
const data = join(work, "data"), weights = join(work, "b4.safetensors"), out = join(work, "run");
await makeDataset(data, {
  categories: [category],
  size,
  train,
  testGood: test,
  testPerDefect: quick ? 1 : 8,
});
await writeSafetensors(weights, stateDict());
tell({ what: "images drawn and weights written", seconds: since() });

began = performance.now();
const settings = [
  "--preset",
  "paper",
  "--backbone",
  "efficientnet_b4",
  "--epochs",
  `${epochs}`,
  "--folds",
  "0",
];
const small = quick
  ? [
    "--image-size",
    "64",
    "--feature-size",
    "4",
    "--hidden",
    "32",
    "--heads",
    "2",
    "--ffn",
    "64",
    "--layers",
    "1",
  ]
  : [];
const cli = join(import.meta.dirname!, "..", "..", "cli.ts");
const steps = Math.ceil(train / 16) * epochs;
let before = -1;
const progress = setInterval(() => {
  const done = linesOf(read(join(out, "log.jsonl"))).length;
  if (done === before) return;
  before = done;
  tell({ what: "progress", seconds: since(), steps: done, of_steps: steps });
}, quick ? 2000 : 10_000);
const last: string[] = [];
const { status, isLate } = await runDeno({
  args: [
    ...["run", "-A", ...offline(), cli, "train", "--data", data, "--category", category],
    ...["--weights", weights, "--out", out, ...settings, ...small],
  ],
  env: { XDG_CACHE_HOME: join(work, "xdg") }, // features of an earlier run would come from its cache
  stdout: (line) => console.log(`adtr: ${line}`),
  stderr(line) {
    last.push(line);
    if (last.length > 12) last.shift();
  },
}, left(options) - 1);
clearInterval(progress);
const seconds = since();
last.forEach((line) => console.log(`adtr: ${line}`));

const done = linesOf(read(join(out, "log.jsonl"))).length;
const speed = read(join(out, "speed.json"));
const took = { what: "train", images: train, epochs, steps: done, of_steps: steps, seconds };
if (status.success) {
  if (done !== steps) throw new Error(`Expected ${steps} steps in the log, but found ${done}`);
  tell({ ...took, finished: true, speed: speed ? JSON.parse(speed) : null });
} else {
  tell({ ...took, finished: false });
  if (!isLate) throw new Error(`adtr train ended with ${status.signal ?? status.code}`);
  console.log(`no time for all of it: ${done} of ${steps} steps in ${seconds.toFixed(1)} s`);
  Deno.exit(3);
}

function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

function linesOf(text: string | null): string[] {
  return (text ?? "").split("\n").filter(Boolean);
}
