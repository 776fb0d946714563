/**
 * What Deep SVDD measures before and beside its steps: contrast, centre, radius, and the autoencoder that it begins with.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Tape } from "../../src/autograd/tape.ts";
import { contrasts, normaliseContrast } from "../../src/methods/dsvdd/contrast.ts";
import type { Run } from "../../src/methods/method.ts";
import { methodNamed } from "../../src/methods/registry.ts";
import { rescalingOf } from "../../src/methods/rescale.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";
import { imagesFor, learned, settingsOf, sizesOf, Uploaded } from "./made_up.ts";

const dsvdd = methodNamed("dsvdd"), train = imagesFor(dsvdd, "train", 9);

Deno.test("images get one contrast, and the training images' values 0 to 1; one without any is flat", async () => {
  const S = 4, size = 3 * S * S, dim = fill("dim", size, 0.4, 0.5), bright = fill("bright", size, 0, 1);
  const flat = new Float32Array(size).fill(0.3), { shift, scale } = rescalingOf(contrasts([dim, bright]));
  await gpu.step(async (scope) => {
    const x = scope.tensor([...dim, ...bright, ...flat], [3, S, S, 3]);
    const values = { shift: scope.tensor([shift]), scale: scope.tensor([scale]) };
    const y = await scope.read(normaliseContrast(new Tape(scope), x, values));
    const known = y.subarray(0, 2 * size);
    assertClose(
      Float32Array.of(Math.min(...known), Math.max(...known)),
      Float32Array.of(0, 1),
      1e-6,
      "range:",
    );
    const contrastOf = (image: Float32Array) => {
      const mean = image.reduce((a, b) => a + b) / size;
      return image.reduce((sum, value) => sum + Math.abs(value - mean), 0) / size;
    };
    const contrasts = [0, 1].map((i) => contrastOf(y.subarray(i * size, (i + 1) * size)));
    assertClose(Float32Array.from(contrasts), Float32Array.of(scale, scale), 1e-6, "contrast:");
    const grey = y.subarray(2 * size);
    assert.ok(grey.every((value) => Math.abs(value + shift * scale) < 1e-3), `${grey}`);
  });
});

Deno.test("the share ν of the training images is beyond the soft boundary", async () => {
  for (const [nu, beyond] of [[0.3, 3], [1, 8]]) { // of quantiles between images, or of one of them
    const settings = settingsOf(dsvdd, { objective: "soft-boundary", nu });
    using fitted = await learned(dsvdd, train, { settings });
    using uploaded = new Uploaded(dsvdd, train);
    const { scores } = await uploaded.score(fitted, settings);
    assert.equal(scores.filter((score) => score > 1e-4).length, beyond, `${scores}`);
  }
});

Deno.test("it begins with the encoder of an autoencoder, and with a centre that is not next to 0", async () => {
  const settings = settingsOf(dsvdd, { ae_epochs: 7 }), sizes = sizesOf(dsvdd, train), asked: unknown[] = [];
  using autoencoder = await learned(dsvdd, train, {
    settings: settingsOf(dsvdd, { objective: "reconstruction" }),
  });
  const before = await autoencoder.state();
  const run: Run = {
    gpu,
    settings,
    sizes,
    init: undefined,
    images: () => Promise.resolve(train),
    trainingSet: () =>
      Promise.resolve({ normal: train.features, steps: 3, sha256: "", batch: () => Promise.resolve([]) }),
    isResumed: () => Promise.resolve(false),
    optimize: () => Promise.resolve(),
    before(name, change) {
      asked.push(name, change);
      return Promise.resolve(before);
    },
    onProgress: () => {},
  };
  using fitted = await dsvdd.learn(run);
  const change = { objective: "reconstruction", epochs: 7, lr_step: 5, ae_epochs: 0 };
  assert.deepEqual(asked, ["autoencoder", change]);
  const { tensors } = await fitted.state(), encoder = [...tensors].filter(([name]) => name.includes("."));
  assert.ok(encoder.length > 0);
  for (const [name, value] of encoder) assert.deepEqual(value, before.tensors.get(name), name);
  const c = tensors.get("c")!.data;
  assert.ok(c.every((value) => Math.abs(value) >= Math.fround(0.1)), `${c}`);

  using _resumed = await dsvdd.learn({ ...run, isResumed: () => Promise.resolve(true) });
  assert.equal(asked.length, 2, "nothing comes before what is gone on with");
});

Deno.test("settings that don't fit Deep SVDD's network are refused in words", () => {
  for (
    const [change, message] of [
      [{ image_size: 48 }, "Expected image_size to be a power of two of at least 8, but found 48"],
      [{ latent: 20 }, "Expected latent to be a multiple of 16, but found 20"],
    ] as const
  ) {
    assert.throws(() => dsvdd.check!({ ...settingsOf(dsvdd), ...change }), { name: "SettingError", message });
  }
});
