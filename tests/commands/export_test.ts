/**
 * `adtr export`: what it writes, and what it refuses before anything is there.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { resizeBilinear } from "../../src/data/resize.ts";
import { decodeImage } from "../../src/data/image.ts";
import { train } from "../../src/train/train.ts";
import { picture } from "../data/pictures.ts";
import { gpu } from "../gpu.ts";
import { metadataOf, runOnnx } from "../onnx.ts";
import { adtr, test } from "./adtr.ts";

const S = 32;

test("export onnx writes a model that scores as score does, and without a GPU", async (folder) => {
  const photos = ["a", "b", "c"].map((name) => picture(name, 40, 30));
  const settings = { backbone: "gabor", image_size: S, feature_size: 4, folds: 0 };
  using model = await train(gpu, { data: photos, method: "knn", settings });
  await Deno.writeFile(join(folder, "model.safetensors"), await model.toBytes());
  const args = ["export", "onnx", "--model", "model.safetensors", "--out", "m.onnx"];
  const done = await adtr(folder, ...args, { DENO_WEBGPU_BACKEND: "none" });
  deepEqual([done.code, done.stdout, done.stderr], [0, "m.onnx\n", ""]);

  const onnx = await Deno.readFile(join(folder, "m.onnx"));
  equal(metadataOf(onnx).method, "knn");
  const photo = picture("d", 50, 40), pixels = resizeBilinear(await decodeImage(photo, "d"), S);
  const { score: [found] } = await runOnnx(onnx, pixels, [1, S, S, 3]), { score } = await model.score(photo);
  equal(Math.abs(found - score) <= 1e-4 * score, true, `${found}, not ${score}`);

  const refused: [change: string[], stderr: RegExp][] = [
    [["--out", "model.safetensors"], /^error: Expected --out to be another file than what is read/],
    [["--model", "m.onnx", "--out", "n.onnx"], /^error: m\.onnx is not a valid safetensors file: .*\n$/],
    [["--weights", "none.pth"], /^error: .*none\.pth.*\n$/],
    [["--out", "nowhere/m.onnx"], /^error: .*nowhere.*\n$/],
  ];
  for (const [change, stderr] of refused) {
    const ended = await adtr(folder, ...args, ...change);
    equal(ended.code, 1);
    match(ended.stderr, stderr);
  }
  deepEqual(await Deno.readFile(join(folder, "m.onnx")), onnx);
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  deepEqual(names.filter((name) => name !== "cache").sort(), ["m.onnx", "model.safetensors"]);
});

test("export onnx of a model that was trained with f16 says that the graph computes in float32", async (folder) => {
  const photos = ["a", "b", "c"].map((name) => picture(name, 40, 30));
  const settings = {
    ...{ backbone: "efficientnet_lite0", levels: "1", precision: "f16", folds: 0 } as const,
    ...{ image_size: S, feature_size: 4 },
  };
  using model = await train(gpu, { data: photos, method: "knn", settings });
  await Deno.writeFile(join(folder, "model.safetensors"), await model.toBytes());
  const args = ["export", "onnx", "--model", "model.safetensors", "--out", "m.onnx"];
  const { code, stdout, stderr } = await adtr(folder, ...args);
  deepEqual([code, stdout], [0, "m.onnx\n"]);
  match(stderr, /^m\.onnx computes in float32: scores differ by f16's rounding .* --precision f16\n$/);
  const photo = picture("d", 50, 40), pixels = resizeBilinear(await decodeImage(photo, "d"), S);
  const onnx = await Deno.readFile(join(folder, "m.onnx"));
  const { score: [found] } = await runOnnx(onnx, pixels, [1, S, S, 3]), { score } = await model.score(photo);
  equal(found !== score && Math.abs(found - score) <= 0.02 * score, true, `${found}, not ${score}`);
});
