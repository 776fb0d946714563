/**
 * Models of features that were computed with f16: they remember it, and score as they did or not at all.
 *
 * @module
 */
import { deepEqual, equal, notEqual, rejects } from "node:assert/strict";
import { openModelBytes, parseWeightFile, train } from "../../mod.ts";
import { drawSample } from "../../src/data/procedural/sample.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { parseModel } from "../../src/methods/model_file.ts";
import { serializeSafetensors } from "../../src/formats/safetensors.ts";
import { float32Of, stored } from "../../src/formats/tensor_file.ts";
import { bundledWeights } from "../../src/model/bundled_weights.ts";
import { settingsOf } from "../../src/score/open_model.ts";
import { gpu } from "../gpu.ts";

const data = [0, 1, 2, 3].map((seed) => drawSample({ category: "grid", size: 64, seed }).image);
const settings = { backbone: "efficientnet_lite0", levels: "1", image_size: 64, feature_size: 4 };
const trained = (precision: "f32" | "f16") =>
  train(gpu, { data, method: "padim", settings: { ...settings, precision, folds: 0 } });

Deno.test("a model remembers its precision and scores with it, or refuses an adapter that can't", async () => {
  using full = await trained("f32");
  using half = await trained("f16");
  const [score, other] = [await half.score(data[0]), await full.score(data[0])];
  notEqual(score.score, other.score);
  const bytes = await half.toBytes(), { info } = parseModel(bytes, "m");
  equal(info.precision, "f16");
  equal(info.features, `${full.info.features}-f16`);
  {
    using opened = await openModelBytes(gpu, bytes);
    deepEqual(await opened.score(data[0]), score);
  }
  const without: Gpu = Object.create(gpu, { profile: { value: { ...gpu.profile, f16: false } } });
  await rejects(openModelBytes(without, bytes), {
    name: "SettingError",
    message: /^Expected an adapter with shader-f16 for precision f16, but found none in ".*";\n/,
  });
  await rejects(openModelBytes(gpu, bytes, { settings: { precision: "f32" } }), {
    message: /^Expected settings that .* can be opened with, but found precision, which was trained with$/,
  });
});

Deno.test("a model from before there was a choice is of f32", async () => {
  using model = await trained("f32");
  const file = parseModel(await model.toBytes(), "m");
  const { precision: _, ...info } = file.info;
  equal(settingsOf({ ...file, info }).precision, "f32");
});

Deno.test("f16 is refused for a method that looks at pixels", async () => {
  const settings = { image_size: 32, precision: "f16" as const, epochs: 1 };
  await rejects(train(gpu, { data, method: "ganomaly", settings }), {
    name: "SettingError",
    message: "Expected no precision with method ganomaly, which looks at pixels, but found f16",
  });
});

Deno.test("maps that f16 has no numbers for are an error, not features", async () => {
  const { tensors } = await bundledWeights("efficientnet_lite0");
  const name = "_blocks.0._project_conv.weight", { shape, dtype, bytes } = tensors.get(name)!;
  const own = float32Of({ shape, dtype, bytes }), largest = Math.max(...own.map(Math.abs));
  const values = own.map((value) => 6e4 / largest * value); // f16 has the weights, but not their sums
  const file = serializeSafetensors(new Map([...tensors, [name, stored(values, shape)]]));
  const weights = await parseWeightFile(file, "large.safetensors");
  const train1 = (precision: "f32" | "f16") =>
    train(gpu, { data, method: "padim", weights, settings: { ...settings, precision, folds: 0 } });
  (await train1("f32"))[Symbol.dispose]();
  await rejects(train1("f16"), {
    name: "SettingError",
    message:
      "Expected maps of efficientnet_lite0 up to 65504 with precision f16, but found larger ones; precision f32 has them",
  });
});
