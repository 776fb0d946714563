import assert from "node:assert/strict";
import { gaborBackbone } from "../../src/model/gabor.ts";
import { gpu } from "../gpu.ts";
import { assertClose, readGolden } from "../reference/backbone.ts";

const golden = readGolden("gabor.safetensors");
const SIZES: [S: number, H: number, W: number][] = [[64, 8, 8], [50, 9, 7], [8, 4, 6]];

/** [N, C] as the GPU has it to [C, N] as files have it. */
function channelsFirst(tokens: Float32Array, N: number, C: number): Float32Array {
  return tokens.map((_, i) => tokens[(i % N) * C + Math.floor(i / N)]);
}

for (const name of ["gabor", "gabor2"] as const) {
  Deno.test(`${name} meets the NumPy reference`, async () => {
    const backbone = gaborBackbone(name);
    const C = backbone.channels;
    assert.equal(backbone.levelChannels.reduce((a, b) => a + b), C);
    for (const [S, H, W] of SIZES) {
      const features = backbone.features(gpu, golden[`image.${S}`] as Uint8Array, 1, S, H, W);
      assert.deepEqual(features.shape, [1, H * W, C]);
      const found = channelsFirst(await gpu.read(features), H * W, C);
      gpu.release(features);
      const wanted = (golden[`features.${S}`] as Float32Array).subarray(0, C * H * W);
      assertClose(found, wanted, 1e-6, `${S}:`);
      for (let c = 0; c < C; c++) { // a small channel counts as much as a large one
        const channel = (values: Float32Array) => values.subarray(c * H * W, (c + 1) * H * W);
        assertClose(channel(found), channel(wanted), 1e-5, `${S}, channel ${c}:`);
      }
    }
  });

  Deno.test(`${name} gives an image the same features in every batch and leaves no memory behind`, async () => {
    const backbone = gaborBackbone(name);
    const S = 64, bytes = S * S * 3;
    const images = new Uint8Array(70 * bytes); // more than one chunk
    const image = golden["image.64"] as Uint8Array;
    for (let b = 0; b < 70; b++) {
      for (let i = 0; i < bytes; i++) images[b * bytes + i] = image[(i + 3 * b) % bytes];
    }
    const before = gpu.memory.stats().inUse;
    const batch = backbone.features(gpu, images, 70, S, 5, 6);
    const one = backbone.features(gpu, images.subarray(68 * bytes, 69 * bytes), 1, S, 5, 6);
    const N = one.size;
    assert.deepEqual((await gpu.read(batch)).subarray(68 * N, 69 * N), await gpu.read(one));
    gpu.release(batch);
    gpu.release(one);
    assert.equal(gpu.memory.stats().inUse, before);
  });
}

Deno.test("gabor refuses bytes that are not the batch's", () => {
  const run = () => gaborBackbone("gabor").features(gpu, new Uint8Array(10), 1, 8, 2, 2);
  assert.throws(run, /1 images of 8×8×3, 192 bytes, but found 10/);
});
