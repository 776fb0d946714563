/**
 * The examples run, from another folder and as their headers say, and print what they promise.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { decodeImage, encodePng } from "../src/data/image.ts";
import { drawSample } from "../src/data/procedural/sample.ts";
import { inFolder } from "./folder.ts";

const EXAMPLES = join(import.meta.dirname!, "..", "examples");

/** Runs an example in a folder. @returns what it prints, line by line */
async function run(folder: string, name: string, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(EXAMPLES, name), ...args],
    cwd: folder,
    env: { NO_COLOR: "1", NODEVICE_SELECT: "1" },
  }).output();
  const decoder = new TextDecoder();
  equal(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout).trimEnd().split("\n");
}

async function sizeOf(path: string): Promise<[number, number]> {
  const { width, height } = await decodeImage(await Deno.readFile(path), path);
  return [width, height];
}

Deno.test("every example has a test", async () => {
  const names = await Array.fromAsync(Deno.readDir(EXAMPLES), ({ name }) => name);
  const text = await Deno.readTextFile(import.meta.filename!);
  const elsewhere = ["browser"]; // tests/browser
  deepEqual(names.filter((name) => !text.includes(`"${name}"`) && !elsewhere.includes(name)), []);
});

Deno.test("train_and_score.ts leaves a model and a heat map, which score_image.ts gets again", () =>
  inFolder(async (folder) => {
    const [trained, tested, scored] = await run(folder, "train_and_score.ts", folder);
    match(trained, /^\d+ steps, loss \d/);
    const [, image, pixel] = /^image AUROC (\S+), pixel AUROC (\S+)$/.exec(tested)!.map(Number);
    ok(image > 0.8 && pixel > 0.9, tested);
    const [, score, called] = /^score (\S+), (normal|anomalous)$/.exec(scored)!;
    deepEqual(await sizeOf(join(folder, "heatmap.png")), [3 * 128 + 2 * 4, 128]);

    const broken = drawSample({ category: "grid", size: 128, seed: 100, defect: "broken" }).image;
    await Deno.writeFile(join(folder, "broken.png"), encodePng(broken));
    const args = ["model.safetensors", "broken.png", "again.png"];
    const [again, ...regions] = await run(folder, "score_image.ts", ...args);
    const [, same, label] = /^score (\S+): (normal|anomalous)$/.exec(again)!;
    deepEqual([Number(same).toFixed(2), label], [score, called]);
    for (const region of regions) match(region, /^\d+×\d+ pixels at column \d+, row \d+: \d/);
    deepEqual(
      await Deno.readFile(join(folder, "again.png")),
      await Deno.readFile(join(folder, "heatmap.png")),
    );
  }));

Deno.test("features.ts: a good picture is more like another good one than like one with a hole", () =>
  inFolder(async (folder) => {
    for (const [i, defect] of [undefined, undefined, "hole"].entries()) {
      const { image } = drawSample({ category: "wood", size: 128, seed: i, defect });
      await Deno.writeFile(join(folder, `${i}.png`), encodePng(image));
    }
    const [features, ...lines] = await run(folder, "features.ts", "0.png", "1.png", "2.png");
    equal(features, "efficientnet_lite0: 3 × [256, 344]");
    const [toGood, toHole] = lines.map((line) => Number(line.split(": ").at(-1)));
    ok(toGood < toHole, lines.join("\n"));
  }));

Deno.test("autograd.ts: the loss falls", () =>
  inFolder(async (folder) => {
    const losses = (await run(folder, "autograd.ts")).map((line) => Number(line.split("loss ")[1]));
    equal(losses.length, 4);
    ok(losses.every((loss, i) => i === 0 || loss < losses[i - 1]), String(losses));
    ok(losses[3] < 1e-3, String(losses));
  }));

Deno.test("pytorch_state.ts: what is written comes back under PyTorch's names", () =>
  inFolder(async (folder) => {
    const lines = await run(folder, "pytorch_state.ts", folder);
    equal(lines[0], "input_proj.weight [256, 720]");
    ok(lines.includes("encoder.layers.0.self_attn.in_proj_weight [768, 256]"));
    match(lines.at(-1)!, /^39 tensors, the same as those written to /);
  }));

Deno.test("metrics.ts prints all six metrics", () =>
  inFolder(async (folder) => {
    const text = (await run(folder, "metrics.ts")).join(" ");
    const values = new Map(
      [...text.matchAll(/(\w+): ([\d.]+)/g)].map(([, name, value]) => [name, Number(value)]),
    );
    deepEqual([...values.keys()], [
      "image_auroc",
      "image_ap",
      "image_f1max",
      "pixel_auroc",
      "pixel_ap",
      "aupro",
    ]);
    equal(values.get("image_auroc"), 0.75);
    // 12 of 16 pixels found, 4 false alarms among 48.
    ok(Math.abs(values.get("pixel_auroc")! - (1 + 12 / 16 - 4 / 48) / 2) < 1e-12, text);
  }));

Deno.test("methods.ts tests three methods, each better than chance", () =>
  inFolder(async (folder) => {
    const lines = (await run(folder, "methods.ts", folder)).map((line) => line.split(": pixel AUROC "));
    deepEqual(lines.map(([method]) => method), ["knn", "patchcore", "mahalanobis"]);
    ok(lines.every(([, auroc]) => Number(auroc) > 0.8), lines.join("\n"));
  }));
