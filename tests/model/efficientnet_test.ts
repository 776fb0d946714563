import assert from "node:assert/strict";
import { EfficientNet, pads } from "../../src/model/efficientnet.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose, efficientNetTaps } from "../reference/backbone.ts";
import { madeUpWeights } from "../reference/efficientnet_weights.ts";

const weights = madeUpWeights("symmetric");

for (const [padding, S] of [["symmetric", 37], ["same", 33], [380, 32]] as const) {
  Deno.test(`EfficientNet-B4's taps meet plain loops with ${padding} padding at ${S} pixels`, async () => {
    const padded = { ...weights, padding };
    const network = new EfficientNet(gpu, padded);
    assert.deepEqual(network.channels, [24, 32, 56, 160, 448]);
    const images = fill("images", S * S * 3, -2, 2);
    const x = gpu.tensor(images, [1, S, S, 3]);
    const wanted = efficientNetTaps(padded, images, 1, S);
    const before = gpu.memory.stats().inUse;
    let i = 0;
    for (const tap of network.taps(gpu, x)) {
      assert.deepEqual(tap.shape, wanted[i].shape);
      assertClose(await gpu.read(tap), wanted[i].values, 3e-6, `tap ${i}`);
      i++;
    }
    assert.equal(i, 5);
    assert.equal(gpu.memory.stats().inUse, before);
  });
}

Deno.test("pads are those of docs/method.md's examples", () => {
  assert.deepEqual(pads("symmetric", 256, 5, 2, 380), { before: 2, out: 128 });
  assert.deepEqual(pads("same", 64, 5, 2, 95), { before: 1, out: 32 }); // (1, 2)
  assert.deepEqual(pads(380, 64, 5, 2, 95), { before: 2, out: 32 }); // (2, 2)
  assert.deepEqual(pads("same", 7, 3, 1, 7), { before: 1, out: 7 });
  assert.deepEqual(pads("same", 1, 3, 2, 1), { before: 1, out: 1 });
});
