import assert from "node:assert/strict";
import { bring, deviation, halve, moduli, ORIENTATIONS } from "../../../src/kernels/conv/gabor.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";
import * as reference from "../../reference/gabor.ts";

const SHAPES = [[1, 1, 1], [2, 1, 7], [3, 2, 3], [2, 17, 5], [1, 31, 70]];
const input = (shape: number[]) => fill("x", shape.reduce((a, b) => a * b), 0, 1);

Deno.test("halve meets plain loops and can take some planes of each group", async () => {
  for (const shape of SHAPES) {
    const y = halve(gpu, gpu.tensor(input(shape), shape));
    assert.deepEqual(y.shape, [shape[0], Math.ceil(shape[1] / 2), Math.ceil(shape[2] / 2)]);
    assertClose(await gpu.read(y), reference.halve(input(shape), shape), 3e-7, `${shape}`);
  }
  const x = input([6, 4, 4]);
  const some = halve(gpu, gpu.tensor(x, [6, 4, 4]), { take: 2, of: 3 }); // planes 0, 1, 3, 4
  const kept = x.filter((_, i) => Math.floor(i / 16) % 3 < 2);
  assertClose(await gpu.read(some), reference.halve(kept, [4, 4, 4]), 3e-7);
});

Deno.test("moduli meet the two-dimensional bank", async () => {
  for (const shape of SHAPES) {
    const y = moduli(gpu, gpu.tensor(input(shape), shape));
    const [P, h, w] = shape, area = h * w;
    assert.deepEqual(y.shape, [P * ORIENTATIONS, h, w]);
    const found = await gpu.read(y);
    for (let k = 0; k < ORIENTATIONS; k++) {
      const mine = found.filter((_, i) => Math.floor(i / area) % ORIENTATIONS === k);
      assertClose(mine, reference.modulus(input(shape), shape, k), 3e-6, `${shape}, ${30 * k}°`);
    }
  }
});

const TARGETS = [[1, 1], [2, 3], [7, 4], [16, 40]];

Deno.test("deviation meets plain loops", async () => {
  for (const shape of SHAPES) {
    for (const [H, W] of TARGETS) {
      const y = deviation(gpu, gpu.tensor(input(shape), shape), H, W);
      assert.deepEqual(y.shape, [shape[0], Math.min(shape[1], H), Math.min(shape[2], W)]);
      assertClose(
        await gpu.read(y),
        reference.deviation(input(shape), shape, H, W),
        2e-6,
        `${shape} → ${H}×${W}`,
      );
    }
  }
});

Deno.test("bring meets plain loops and writes its channels of its images only", async () => {
  for (const [P, h, w] of SHAPES) {
    for (const [H, W] of TARGETS) {
      for (const log of [false, true]) {
        // Each plane an image of its own, to channel 1 of 3 of the images from 2 on.
        const images = P + 3, C = 3;
        const features = gpu.tensor(new Float32Array(images * H * W * C).fill(9), [images, H * W, C]);
        const x = gpu.tensor(input([P, h, w]), [P, h, w]);
        bring(gpu, x, features, { H, W, image: 2, channel: 1, planes: 1, log });
        const found = await gpu.read(features);
        const written = found.filter((_, i) => i % C === 1).subarray(2 * H * W, (2 + P) * H * W);
        const wanted = reference.bring(input([P, h, w]), [P, h, w], H, W);
        assertClose(
          written,
          log ? wanted.map((v) => Math.log(v + 0.002)) : wanted,
          1e-6,
          `${[P, h, w]} → ${H}×${W}`,
        );
        assert.equal(found.filter((v) => v === 9).length, found.length - written.length);
      }
    }
  }
});

Deno.test("bring spreads an image's planes over neighbouring channels and refuses another size", async () => {
  const features = gpu.empty([2, 1, 3]);
  const x = gpu.tensor([1, 2, 3, 4, 5, 6], [6, 1, 1]);
  const slice = { H: 1, W: 1, image: 0, channel: 0, planes: 3, log: false };
  bring(gpu, x, features, slice);
  assert.deepEqual([...await gpu.read(features)], [1, 2, 3, 4, 5, 6]);
  assert.throws(() => bring(gpu, x, features, { ...slice, H: 2 }), /\[B, 2, C\]/);
});
