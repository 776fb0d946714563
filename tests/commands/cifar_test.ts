/**
 * Runs on CIFAR by command: one class against all others, irrelevant images as anomalies, and a cap on the heat maps.
 *
 * @module
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { isThere } from "../../src/host/files.ts";
import { readLog } from "../../src/host/log.ts";
import { FORMS, writeCifar10, writeFiles } from "../data/cifar_files.ts";
import { adtr, test } from "./adtr.ts";

const SMALL = [
  "--backbone",
  "gabor",
  "--preset",
  "demo",
  "--epochs",
  "1",
  "--hidden",
  "8",
  "--heads",
  "2",
  "--ffn",
  "8",
];

async function namesIn(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
}

test("one class of CIFAR-10: checked, trained, tested, and 200 of its test images drawn", async (folder) => {
  const labels = Array.from({ length: 230 }, (_, i) => i % 10);
  await writeCifar10(join(folder, "c10"), [6, 6, 3], labels);
  const checked = await adtr(folder, "data", "check", "cifar10:c10", "--category", "frog");
  equal(checked.code, 0, checked.stderr);
  match(checked.stdout, /\nfrog +10 +23 +207 +9 /);

  const data = ["--data", "cifar10:c10", "--category", "frog"];
  const trained = await adtr(folder, "train", ...data, ...SMALL, "--out", "run");
  equal(trained.code, 0, trained.stderr);
  const { environment: _, ...config } = JSON.parse(await Deno.readTextFile(join(folder, "run/config.json")));
  const { data: root, category, image_size, feature_size, batch_size, image_score } = config;
  deepEqual([root, category], ["cifar10:c10", "frog"]);
  deepEqual([image_size, feature_size, batch_size, image_score], [32, 8, 128, "mean"]);
  const { frog } = JSON.parse(await Deno.readTextFile(join(folder, "run/metrics.json")));
  ok(frog.image_auroc > 0 && frog.image_auroc < 1);
  deepEqual([frog.pixel_auroc, frog.aupro], [null, null]);

  const pictures = await namesIn(join(folder, "run/heatmaps"));
  equal(pictures.length, 200);
  for (const name of pictures) match(name, /^[a-z]+_\d+\.png$/);
  ok(pictures.some((name) => name.startsWith("frog_")));
  const page = await Deno.readTextFile(join(folder, "run/report.html"));
  match(page, /200 of 230 images have a picture\./);
  const { images } = JSON.parse(/ id="data">(.*?)<\/script>/s.exec(page)![1]);
  equal(images.length, 230); // all count in the chart
  equal(images.filter(({ picture }: { picture: unknown }) => picture !== null).length, 200);

  const model = ["--model", "run/model.safetensors"];
  const evaluated = await adtr(folder, "eval", ...model, ...data, "--out", "e");
  equal(evaluated.code, 0, evaluated.stderr);
  deepEqual(JSON.parse(await Deno.readTextFile(join(folder, "e/metrics.json"))), { frog });

  // There are no files whose sizes the maps could have.
  const message =
    /^error: Expected image files to write TIFFs of their sizes for, but found cifar10:c10\/test\/airplane\/0\n$/;
  for (
    const args of [["eval", ...model, ...data, "--out", "t"], ["train", ...data, ...SMALL, "--out", "t"]]
  ) {
    const refused = await adtr(folder, ...args, "--maps-tiff");
    equal(refused.code, 1);
    match(refused.stderr, message);
    ok(!await isThere(join(folder, "t", "log.jsonl")));
  }
});

test("with CIFAR-100's images as anomalies; what is wrong is told in a line", async (folder) => {
  await writeCifar10(join(folder, "c10"), [6, 3], [6, 3, 0]);
  await writeFiles(join(folder, "c100"), FORMS["cifar-100-binary"]);
  const data = ["--data", "cifar10:c10", "--category", "frog"],
    plus = ["--loss", "img", "--base-epochs", "2"];
  const places = ["--outliers", "cifar100:c100", "--batch-size", "4"];
  const trained = await adtr(folder, "train", ...data, ...SMALL, ...plus, ...places, "--out", "run");
  equal(trained.code, 0, trained.stderr);
  match(trained.stderr, /frog: base training, epoch 2\/2, loss .*\nfrog: training, epoch 1\/1, loss /s);
  equal((await readLog(join(folder, "run/log.jsonl"))).length, 3); // 5 frogs, 5 others
  equal((await readLog(join(folder, "run/adtr/log.jsonl"))).length, 4);
  const config = JSON.parse(await Deno.readTextFile(join(folder, "run/config.json")));
  deepEqual([config.outliers, config.loss, config.base_epochs], ["cifar100:c100", "img", 2]);

  const cases: [args: string[], code: number, message: RegExp][] = [
    [
      [...data, ...plus],
      1,
      /^error: Expected anomalous images to learn from: irrelevant ones, .*; but found none\n$/,
    ],
    [
      [...data, ...plus, "--outliers", "cifar100:c10"],
      1,
      /^error: Expected cifar100 in c10, but found cifar10\n$/,
    ],
    [["--data", "cifar10:c100"], 1, /^error: Expected cifar10 in c100, but found cifar100\n$/],
    [["--data", "cifar10:c10", "--category", "frogs"], 1, /but found "frogs" \(did you mean frog\?\)\n$/],
    [
      [...data, "--outliers", "cifar100:c100"],
      2,
      /^error: Expected --outliers with --loss img .* but found --loss norm\n$/,
    ],
    [
      [...data, ...plus, ...places, "--image-k", "65"],
      2,
      /^error: Expected --image-k to be at most 64, .* but found 65\n$/,
    ],
  ];
  for (const [args, code, message] of cases) {
    const refused = await adtr(folder, "train", ...SMALL, ...args, "--out", "no");
    deepEqual([refused.code, message.test(refused.stderr)], [code, true], refused.stderr);
    ok(!await isThere(join(folder, "no", "adtr")));
  }
});
