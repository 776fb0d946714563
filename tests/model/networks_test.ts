/**
 * ResNets and EfficientNet-B0 from files to features: the numbers are those of torchvision, timm and
 * EfficientNet-PyTorch themselves (tests/golden/networks.py).
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

const TOLERANCE = 3e-6;

for (const name of new Set(goldenNetworks.map((golden) => golden.case))) {
  Deno.test(`features of ${name} are those of PyTorch`, async () => {
    const file = { path: name, tensors: networkStateDict(name), metadata: {} };
    using backbone = await openBackbone(gpu, name.split(" ")[0] as BackboneName, file);
    const before = gpu.memory.stats().inUse;
    const cases = goldenNetworks.filter((golden) => golden.case === name);
    assert.equal(cases.length, 2);
    for (const golden of cases) {
      const { S, H, W, channels, image } = golden;
      assert.equal(backbone.channels, channels.reduce((a, b) => a + b));
      assert.equal(backbone.pooledChannels, channels[channels.length - 1]);
      const pooled = gpu.empty([1, backbone.pooledChannels]);
      const features = backbone.features(gpu, image, 1, S, H, W, pooled);
      const found = await gpu.read(features); // [H·W, C]
      distances(found, golden).forEach((distance, tap) => {
        assert(distance <= TOLERANCE, `tap ${tap + 1} at ${S} pixels: relative distance ${distance}`);
      });
      assertClose(await gpu.read(pooled), golden.pooled, TOLERANCE, `means at ${S} pixels:`);
      gpu.release(features);
      gpu.release(pooled);
    }
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
