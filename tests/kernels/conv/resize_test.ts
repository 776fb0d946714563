import assert from "node:assert/strict";
import { resize } from "../../../src/kernels/conv/resize.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import * as reference from "../../reference/backbone.ts";

const CASES: [from: number[], H: number, W: number][] = [
  [[1, 1, 1, 1], 1, 1],
  [[2, 1, 5, 3], 4, 2],
  [[2, 7, 5, 24], 16, 16],
  [[1, 128, 64, 5], 16, 11],
  [[3, 16, 16, 1], 67, 131],
  [[2, 4, 6, 2], 1, 1],
];

Deno.test("resize meets plain loops", async () => {
  for (const [shape, H, W] of CASES) {
    const [B, , , C] = shape;
    const x = fill("x", shape.reduce((a, b) => a * b));
    const y = gpu.empty([B, H, W, C]);
    resize(gpu, gpu.tensor(x, shape), y);
    reference.assertClose(await gpu.read(y), reference.resize(x, shape, H, W), 3e-7, `${shape} → ${H}×${W}`);
  }
});

Deno.test("resize meets corners exactly, copies equal sizes and takes maps without a channel axis", async () => {
  const x = fill("x", 9 * 7);
  const large = gpu.empty([1, 254, 251]), same = gpu.empty([1, 9, 7]);
  resize(gpu, gpu.tensor(x, [1, 9, 7]), large);
  resize(gpu, gpu.tensor(x, [1, 9, 7]), same);
  const found = await gpu.read(large);
  assert.deepEqual([0, 250, 253 * 251, 254 * 251 - 1].map((i) => found[i]), [x[0], x[6], x[56], x[62]]);
  assert.deepEqual(await gpu.read(same), x);
});

Deno.test("resize writes a slice of channels and images and nothing else", async () => {
  const y = gpu.tensor(new Float32Array(3 * 3 * 3 * 7).fill(5), [3, 3, 3, 7]);
  resize(gpu, gpu.tensor(new Float32Array(2 * 2 * 2 * 2), [2, 2, 2, 2]), y, { channel: 4, image: 1 });
  const untouched = Array(9 * 7).fill(5), written = Array(18).fill([5, 5, 5, 5, 0, 0, 5]).flat();
  assert.deepEqual([...await gpu.read(y)], [...untouched, ...written]);
  assert.throws(() => resize(gpu, gpu.empty([2, 2, 2, 2]), y, { channel: 6 }), /room/);
  assert.throws(() => resize(gpu, gpu.empty([2, 2, 2, 2]), y, { image: 2 }), /room/);
});
