import assert from "node:assert/strict";
import { inputTables, normalise } from "../../src/model/backbone.ts";
import { IMAGENET } from "../../src/model/backbones.ts";
import { pixelsBackbone } from "../../src/model/pixels.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { assertClose } from "../reference/backbone.ts";

Deno.test("a token is its patch of normalised pixels, row by row", async () => {
  const S = 12, H = 4, patch = 3, C = 27;
  const images = Uint8Array.from(fill("images", 2 * S * S * 3, 0, 256));
  const backbone = pixelsBackbone(S, H);
  assert.equal(backbone.channels, C);
  const pooled = gpu.empty([2, C]);
  const features = backbone.features(gpu, images, 2, S, H, H, pooled);
  assert.deepEqual(features.shape, [2, H * H, C]);
  const found = await gpu.read(features),
    values = normalise(images, inputTables(IMAGENET)),
    means = new Float64Array(2 * C);
  for (let b = 0; b < 2; b++) {
    for (let row = 0; row < S; row++) {
      for (let column = 0; column < S; column++) {
        for (let c = 0; c < 3; c++) {
          const token = Math.floor(row / patch) * H + Math.floor(column / patch);
          const channel = ((row % patch) * patch + column % patch) * 3 + c;
          const value = values[((b * S + row) * S + column) * 3 + c];
          assert.equal(found[(b * H * H + token) * C + channel], value);
          means[b * C + channel] += value / (H * H);
        }
      }
    }
  }
  assertClose(await gpu.read(pooled), means, 1e-6);
});

Deno.test("pixels refuses sizes that don't fit", () => {
  const message =
    "Expected image_size to be a multiple of feature_size 5 for the backbone pixels, but found 12";
  assert.throws(() => pixelsBackbone(12, 5), { name: "SettingError", message });
  const backbone = pixelsBackbone(12, 4);
  assert.throws(() => backbone.features(gpu, new Uint8Array(10), 1, 12, 4, 4), /1 images of 12×12×3/);
  assert.throws(
    () => backbone.features(gpu, new Uint8Array(432), 1, 12, 6, 6),
    /images of 12 and features of 4 a side, but found 12 and 6×6/,
  );
});
