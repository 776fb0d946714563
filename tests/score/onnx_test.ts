/**
 * Every method's model as an ONNX graph: ONNX Runtime makes the maps and scores that the program makes, of the same pixels;
 * and what can't be exported is refused in words.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Image } from "../../src/data/image.ts";
import { InputError } from "../../src/errors.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/formats/safetensors.ts";
import { VERSION } from "../../src/commands/version.ts";
import type { Method } from "../../src/methods/method.ts";
import { parseModel } from "../../src/methods/model_file.ts";
import { METHOD_NAMES, methodNamed } from "../../src/methods/registry.ts";
import type { Settings, Value } from "../../src/methods/settings.ts";
import { exportOnnx, onnxChunks } from "../../src/score/onnx.ts";
import { train } from "../../src/train/train.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { joined, metadataOf, runOnnx } from "../onnx.ts";

const S = 32, AREA = S * S, IMAGES = 3;
const SMALL = { backbone: "gabor", image_size: S, feature_size: 6, folds: 0 };
/** Of the methods that are trained, where they have them. */
const FEW = { epochs: 1, hidden: 16, heads: 2, ffn: 16 };

/** All methods that have an ONNX form, and what settings make of some. */
const CASES: [method: string, given: Record<string, Value>][] = [
  ...METHOD_NAMES.filter((name) => methodNamed(name).onnx)
    .map((name): [string, Record<string, Value>] => [name, {}]),
  ["adtr", { score: "residual-mahalanobis", feature_norm: "none", image_score: "mean" }],
  ["adtr", { score: "residual-padim", components: 8, layers: 2 }],
  ["adtr", { architecture: "no-query" }],
  ["adtr", { architecture: "no-attention", layers: 2 }],
  ["adtr", { architecture: "conv", layers: 2 }],
  ["spade", { neighbours: 3, image_rule: "paper", feature_length: "unit" }],
  ["spade", { neighbours: 50, image_rule: "map" }],
  ["patchcore", { image_rule: "paper", patch: 3, coreset: 0.2, sigma: 0 }],
  ["patchcore", { image_rule: "paper", coreset: 1e-9 }],
  ["patchcore", { image_rule: "map", patch: 1, components: 5 }],
  ["padim", { padim_channels: 7, ridge: 0.1, sigma: 9 }],
  ["knn", { components: 4, feature_length: "unit", sigma: 2.5 }],
  ["gaussian", { feature_length: "unit" }],
];

/** Pictures of waves, each a little different. */
function pictures(name: string, count: number): Image[] {
  const phases = fill(`${name} phases`, 2 * count, 0, 6),
    noise = fill(`${name} noise`, count * AREA * 3, 0, 20);
  return Array.from({ length: count }, (_, i) => {
    const data = Uint8Array.from({ length: 3 * AREA }, (_, at) => {
      const x = Math.floor(at / 3) % S, y = Math.floor(at / 3 / S), c = at % 3;
      const wave = 50 * Math.sin(x / 3 + c + phases[2 * i]) + 30 * Math.cos(y / 4 + phases[2 * i + 1]);
      return 120 + wave + noise[i * 3 * AREA + at];
    });
    return { width: S, height: S, data };
  });
}

const normal = pictures("normal", 7), test = pictures("test", IMAGES);
test[1].data.fill(90, 900, 1500); // a defect

/** A trained model's file, and what the model says of the test images. */
async function trained(method: string, given: Record<string, Value>) {
  const own = methodNamed(method).settings;
  const few = Object.fromEntries(Object.entries(FEW).filter(([name]) => Object.hasOwn(own, name)));
  const settings = { ...SMALL, ...few, ...given };
  using model = await train(gpu, { data: normal, method, settings: settings as Partial<Settings> });
  const found = [];
  for (const image of test) found.push(await model.score(image));
  return { file: await model.toBytes(), found };
}

const batch = new Uint8Array(IMAGES * 3 * AREA);
test.forEach(({ data }, i) => batch.set(data, i * 3 * AREA));

for (const [method, given] of CASES) {
  Deno.test(`${[method, ...Object.entries(given)].join(" ")} as ONNX`, async () => {
    const { file, found } = await trained(method, given);
    const { map, score, ...rest } = await runOnnx(await exportOnnx(file), batch, [IMAGES, S, S, 3]);
    assert.deepEqual([Object.keys(rest), score.length], [[], IMAGES]);
    assert.equal(map?.length, methodNamed(method).maps ? IMAGES * AREA : undefined);
    for (const [i, wanted] of found.entries()) {
      const apart = Math.abs(score[i] - wanted.score);
      assert.ok(
        apart <= 1e-4 * Math.abs(wanted.score),
        `score of image ${i}: ${score[i]}, not ${wanted.score}`,
      );
      if (wanted.map === null) continue;
      const part = map.subarray(i * AREA, (i + 1) * AREA), of = wanted.map.data;
      const range = Math.max(...of) - Math.min(...of);
      const worst = Math.max(...of.map((value, p) => Math.abs(part[p] - value)));
      assert.ok(worst <= 1e-3 * range, `map of image ${i}: ${worst} of a range of ${range} apart`);
    }
  });
}

const knn = await trained("knn", { folds: 2 });

Deno.test("an image alone gets what it gets in a batch, and the file says what it was made of", async () => {
  const model = await exportOnnx(knn.file);
  const one = await runOnnx(model, batch.subarray(0, 3 * AREA), [1, S, S, 3]);
  assert.ok(Math.abs(one.score[0] - knn.found[0].score) <= 1e-4 * knn.found[0].score);

  const told = metadataOf(model), settings = JSON.parse(told.settings);
  assert.deepEqual([told.method, told.version, settings.image_size], ["knn", VERSION, S]);
  assert.equal(JSON.parse(told.preprocessing).size, S);
  assert.deepEqual(JSON.parse(told.decision), parseModel(knn.file, "m").decision);
  assert.equal(JSON.parse(told.decision).image.images, normal.length);
});

Deno.test("a method without an ONNX form is refused by name", async () => {
  const file = parseModel(knn.file, "m"), { onnx: _, ...method } = file.method;
  await assert.rejects(onnxChunks({ ...file, method }), {
    name: "InputError",
    message: "Expected a model of a method that has an ONNX form, but found knn in m, which has none",
  });
});

Deno.test("a method that looks at pixels, also beside features, gets them in 0 to 1", async () => {
  const file = parseModel(knn.file, "m");
  const methodOf = (input: "pixels" | "both"): Method => ({
    ...file.method,
    input,
    onnx: (graph, _, { features, pixels = features }) => ({
      map: null,
      score: graph.node("ReduceMean", [pixels], { axes: [1, 2], keepdims: 0 }),
    }),
  });
  for (const [input, sizes] of [["pixels", { C: 3, H: S, W: S }], ["both", file.sizes]] as const) {
    const model = await joined(await onnxChunks({ ...file, method: methodOf(input), sizes }));
    const { score } = await runOnnx(model, batch, [IMAGES, S, S, 3]);
    test.forEach(({ data }, i) => {
      const mean = data.reduce((sum, v) => sum + v, 0) / 255 / data.length;
      assert.ok(Math.abs(score[i] - mean) < 1e-5, `${input}: ${score[i]}, not ${mean}`);
    });
  }
  const wrong = onnxChunks({ ...file, method: methodOf("pixels") });
  await assert.rejects(wrong, /Expected a model of pixels's 3 channels in m, but found one of 81/);
});

Deno.test("files that are no models, or don't fit together, are refused as they are for scoring", async () => {
  const { tensors, metadata } = parseSafetensors(knn.file, "m");
  const changed = (config: Record<string, Value>, without?: string) => {
    const left = new Map([...tensors].filter(([name]) => name !== without));
    const told = { ...JSON.parse(metadata.config), ...config };
    return serializeSafetensors(left, { ...metadata, config: JSON.stringify(told) });
  };
  const weights = { path: "w", tensors: new Map(), metadata: {}, format: "safetensors", hash: "" };
  const cases: [bytes: Uint8Array<ArrayBuffer>, message: RegExp, options?: object][] = [
    [knn.file.slice(0, 100), /m is not a valid safetensors file/],
    [changed({}, "bank"), /m holds no model: expected a tensor bank/],
    [changed({ feature_size: 5 }), /Expected a model of 5×5 positions, as its settings say, in m/],
    [changed({ features: "other" }), /Expected gabor to be what m was trained on, other,\nbut found gabor-1/],
    [
      changed({ image_size: 8 }),
      /In the metadata of m: Expected image_size to be at least 16, which image_score max/,
    ],
    [changed({ components: 3 }), /Expected 3 components, as its settings say, in m, but found 0/],
    [changed({ backbone: "resnet18" }), /Expected a weight file for the backbone resnet18, but found none/],
    [knn.file, /Expected no weight file for the built-in backbone gabor, but found w/, { weights }],
  ];
  for (const [bytes, message, options] of cases) {
    await assert.rejects(
      exportOnnx(bytes, options, "m"),
      (error) => error instanceof InputError && message.test(error.message),
      `${message}`,
    );
  }
});
