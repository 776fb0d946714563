/**
 * ResNets, EfficientNet-B0, EfficientNet-Lite and VGGs from tensors to features: the numbers are those of torchvision, timm
 * and EfficientNet-PyTorch themselves (tests/golden/networks.py, lite.py), of VGGs those of PyTorch's layers (vgg.py).
 *
 * @module
 */
import assert from "node:assert/strict";
import type { BackboneName } from "../../src/model/backbones.ts";
import { openBackbone } from "../../src/model/open_backbone.ts";
import { STEP } from "../golden/features_fill.ts";
import { type GoldenNetwork, goldenNetworks, networkStateDict } from "../golden/networks_fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose, relativeL2 } from "../reference/backbone.ts";

const TOLERANCE = 2e-5; // on llvmpipe, 2026-11: at most 7e-6, of the deepest tap
const HALF = 2e-3; // of weights in half precision from the published ones

for (const name of new Set(goldenNetworks.map((golden) => golden.case))) {
  Deno.test(`features of ${name} are those of PyTorch`, async () => {
    const [backboneName, how] = name.split(" ") as [BackboneName, string?], bundled = how === "bundled";
    const before = gpu.memory.stats().inUse, tolerance = bundled ? HALF : TOLERANCE;
    const file = bundled ? null : { path: "weights", tensors: networkStateDict(name), metadata: {} };
    const backbone = await openBackbone(gpu, backboneName, file, { levels: "all" });
    const cases = goldenNetworks.filter((golden) => golden.case === name);
    assert.equal(cases.length, 2);
    for (const golden of cases) {
      const { S, H, W, channels, image } = golden;
      assert.equal(backbone.channels, channels.reduce((a, b) => a + b));
      assert.deepEqual(backbone.levelChannels, channels);
      assert.equal(backbone.pooledChannels, channels[channels.length - 1]);
      const [found, means] = await gpu.step((on) => { // [H·W, C]
        const pooled = on.empty([1, backbone.pooledChannels]);
        return on.stream.read(backbone.features(on, image, 1, S, H, W, pooled), pooled);
      });
      distances(found, golden).forEach((distance, tap) => {
        assert(distance <= tolerance, `tap ${tap + 1} at ${S} pixels: relative distance ${distance}`);
      });
      assertClose(means, golden.pooled, tolerance, `means at ${S} pixels:`);
    }
    backbone[Symbol.dispose]();
    assert.equal(gpu.memory.stats().inUse, before);
  });
}

/** Relative L2 distance of each tap's share of features [N, C] from the stored values of [C, N]. */
function distances(found: Float32Array, { values, channels, H, W }: GoldenNetwork): number[] {
  const N = H * W, C = channels.reduce((a, b) => a + b);
  const shares = channels.map((): { found: number[]; wanted: number[] } => ({ found: [], wanted: [] }));
  const ends = channels.map((_, t) => channels.slice(0, t + 1).reduce((a, b) => a + b));
  values.forEach((value, i) => {
    const channel = Math.floor(i * STEP / N), position = i * STEP % N;
    const share = shares[ends.findIndex((end) => channel < end)];
    share.found.push(found[position * C + channel]);
    share.wanted.push(value);
  });
  return shares.map(({ found, wanted }) => relativeL2(found, wanted));
}
