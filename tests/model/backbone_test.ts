import assert from "node:assert/strict";
import { efficientNetBackbone, normalise } from "../../src/model/backbone.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose, efficientNetTaps, resize } from "../reference/backbone.ts";
import { madeUpWeights } from "../reference/efficientnet_weights.ts";

const weights = madeUpWeights("symmetric");
const backbone = efficientNetBackbone(gpu, "efficientnet_b4", weights);
const S = 32, H = 5, W = 3, bytes = S * S * 3;
const images = Uint8Array.from(fill("images", 3 * bytes, 0, 256));

Deno.test("features are the resized taps of the normalised image, low level first", async () => {
  const features = backbone.features(images.subarray(0, bytes), 1, S, H, W);
  assert.deepEqual(features.shape, [1, H * W, 720]);
  const taps = efficientNetTaps(weights, normalise(images.subarray(0, bytes)), 1, S)
    .map(({ shape, values }) => ({ C: shape[3], values: resize(values, shape, H, W) }));
  const wanted = Array.from(
    { length: H * W },
    (_, n) => taps.flatMap(({ C, values }) => [...values.subarray(n * C, (n + 1) * C)]),
  );
  assertClose(await gpu.read(features), wanted.flat(), 3e-6);
  gpu.release(features);
});

Deno.test("an image's features are the same bits alone and in a batch, and no memory is left behind", async () => {
  const before = gpu.memory.stats().inUse;
  const batch = backbone.features(images, 3, S, H, W);
  const values = await gpu.read(batch);
  gpu.release(batch);
  for (let b = 0; b < 3; b++) {
    const one = backbone.features(images.subarray(b * bytes, (b + 1) * bytes), 1, S, H, W);
    assert.deepEqual(await gpu.read(one), values.subarray(b * H * W * 720, (b + 1) * H * W * 720));
    gpu.release(one);
  }
  assert.equal(gpu.memory.stats().inUse, before);
  assert.throws(
    () => backbone.features(images, 2, S, H, W),
    /2 images of 32×32×3, 6144 bytes, but found 9216/,
  );
});

Deno.test("a batch too large for one go is split", async () => {
  const S = 484, image = Uint8Array.from(fill("large", S * S * 3, 0, 256)); // one at a time on a software adapter
  const pair = new Uint8Array(2 * image.length);
  pair.set(image);
  pair.set(image, image.length);
  const features = backbone.features(pair, 2, S, 2, 2);
  const values = await gpu.read(features);
  gpu.release(features);
  assert.deepEqual(values.subarray(values.length / 2), values.subarray(0, values.length / 2));
});

Deno.test("normalise rounds as PyTorch does", () => {
  // torch.tensor([0, 127, 255] and so on) / 255, .sub_(mean).div_(std), float32.
  const [red, green, blue] = normalise(Uint8Array.of(0, 127, 255));
  const f = Math.fround;
  assert.equal(red, f(f(0 - f(0.485)) / f(0.229)));
  assert.equal(green, f(f(f(127 / 255) - f(0.456)) / f(0.224)));
  assert.equal(blue, f(f(1 - f(0.406)) / f(0.225)));
});

Deno.test("the fingerprint tells weights, paddings and names apart", () => {
  const other = structuredClone(weights);
  other.blocks[31].project.bias[447] += 1;
  const fingerprints = [
    efficientNetBackbone(gpu, "efficientnet_b4", other),
    efficientNetBackbone(gpu, "efficientnet_b4", { ...weights, padding: "same" }),
    efficientNetBackbone(gpu, "tf_efficientnet_b4", weights),
    backbone,
  ].map(({ fingerprint }) => fingerprint);
  assert.equal(new Set(fingerprints).size, 4);
  assert.equal(efficientNetBackbone(gpu, "efficientnet_b4", weights).fingerprint, backbone.fingerprint);
});
