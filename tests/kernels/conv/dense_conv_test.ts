import assert from "node:assert/strict";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import { packConv, type Window } from "../../../src/kernels/conv/conv.ts";
import { denseConv } from "../../../src/kernels/conv/dense_conv.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { variants } from "../../hardware.ts";
import * as reference from "../../reference/backbone.ts";

const GPUS: Record<string, Gpu> = {
  ...variants,
  "no subgroups": Object.create(gpu, { info: { value: { ...gpu.info, software: true, subgroup: 0 } } }),
};

// The first fit tiles of any size badly; the last two have work enough for the largest tile.
const CASES: [shape: number[], O: number, k: number, window: Window][] = [
  [[1, 1, 1, 4], 4, 3, { stride: 1, top: 1, left: 1, outH: 1, outW: 1 }],
  [[2, 5, 7, 12], 20, 3, { stride: 1, top: 1, left: 1, outH: 5, outW: 7 }],
  [[3, 8, 6, 8], 36, 3, { stride: 2, top: 1, left: 1, outH: 4, outW: 3 }],
  [[2, 9, 5, 8], 12, 3, { stride: 2, top: 0, left: 2, outH: 4, outW: 3 }], // zeros: 2 left, none above and below
  [[2, 7, 9, 16], 8, 1, { stride: 2, top: 0, left: 0, outH: 4, outW: 5 }],
  [[1, 33, 31, 4], 64, 7, { stride: 2, top: 3, left: 3, outH: 17, outW: 16 }],
  [[2, 19, 23, 8], 60, 3, { stride: 1, top: 1, left: 1, outH: 19, outW: 23 }],
];

for (const [name, gpu] of Object.entries(GPUS)) {
  Deno.test(`denseConv meets plain loops with every ending: ${name}`, async () => {
    for (const [shape, O, k, window] of CASES) {
      const x = fill("x", shape.reduce((a, b) => a * b));
      const weight = fill("w", O * shape[3] * k * k), bias = fill("b", O);
      const linear = reference.conv(x, shape, weight, bias, k, window, 1);
      const added = fill("s", linear.length);
      const input = gpu.tensor(x, shape), biases = gpu.tensor(bias), skip = gpu.tensor(added);
      const packed = gpu.tensor(packConv(weight, O, shape[3], k), [k, k, shape[3], O]);
      const sum = linear.map((v, i) => v + added[i]);
      for (
        const [ending, wanted] of [
          [undefined, linear],
          [{ act: "relu" }, linear.map(reference.activations.relu)],
          [{ skip }, sum],
          [{ skip, act: "relu" }, sum.map(reference.activations.relu)],
        ] as const
      ) {
        const y = denseConv(gpu, input, packed, biases, window, ending);
        assert.deepEqual(y.shape, [shape[0], window.outH, window.outW, O]);
        reference.assertClose(await gpu.read(y), wanted, 1e-6, `${shape} ${Object.keys(ending ?? {})}`);
      }
    }
  });
}

Deno.test("denseConv gives an image the same bits alone and in a batch", async () => {
  const shape = [3, 15, 17, 8], O = 32, size = 15 * 17 * 8; // the batch has the larger tile on a software adapter
  const x = fill("x", 3 * size);
  const weight = gpu.tensor(packConv(fill("w", O * 8 * 9), O, 8, 3), [3, 3, 8, O]),
    bias = gpu.tensor(fill("b", O));
  const window = { stride: 1, top: 1, left: 1, outH: 15, outW: 17 };
  const batch = await gpu.read(denseConv(gpu, gpu.tensor(x, shape), weight, bias, window));
  const last = gpu.tensor(x.subarray(2 * size), [1, ...shape.slice(1)]);
  const one = await gpu.read(denseConv(gpu, last, weight, bias, window));
  assert.deepEqual(one, batch.subarray(2 * one.length));
});

Deno.test("denseConv refuses what its kernel cannot read", () => {
  const x = gpu.empty([1, 4, 4, 8]), bias = gpu.empty([8]);
  const window = { stride: 1, top: 1, left: 1, outH: 4, outW: 4 };
  const run = (x: number[], weight: number[], skip?: number[]) => () =>
    denseConv(gpu, gpu.empty(x), gpu.empty(weight), bias, window, skip && { skip: gpu.empty(skip) });
  assert.throws(run([1, 4, 4, 3], [3, 3, 3, 8]), /multiples of 4 channels, but found 3 and 8/);
  assert.throws(run([1, 4, 4, 8], [3, 3, 8, 6]), /multiples of 4 channels, but found 8 and 6/);
  assert.throws(run([1, 4, 4, 8], [3, 3, 4, 8]), /a weight for 8 channels, but found \[3,3,4,8\]/);
  assert.throws(run([1, 4, 4, 8], [3, 3, 8, 8], [1, 2, 4, 8]), /\[1,4,4,8\] to add, but found \[1,2,4,8\]/);
  const none = { ...window, outH: 0 };
  assert.throws(() => denseConv(gpu, x, gpu.empty([3, 3, 8, 8]), bias, none), /at least 1/);
});
