import assert from "node:assert/strict";
import type { Window } from "../../../src/kernels/conv/geometry.ts";
import { depthwise, packDepthwise } from "../../../src/kernels/conv/depthwise.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { variants } from "../../hardware.ts";
import * as reference from "../../reference/backbone.ts";

const CASES: [shape: number[], k: number, window: Window][] = [
  [[1, 1, 1, 4], 3, { stride: 1, top: 1, left: 1, outH: 1, outW: 1 }],
  [[2, 7, 11, 12], 3, { stride: 1, top: 1, left: 1, outH: 7, outW: 11 }],
  [[2, 13, 10, 20], 3, { stride: 2, top: 0, left: 0, outH: 6, outW: 5 }],
  [[3, 5, 9, 8], 5, { stride: 1, top: 2, left: 2, outH: 5, outW: 9 }],
  [[1, 16, 17, 36], 5, { stride: 2, top: 1, left: 2, outH: 8, outW: 9 }], // zeros: 1 above, 2 below, 2 left, 2 right
  [[2, 2, 3, 272], 5, { stride: 2, top: 1, left: 2, outH: 1, outW: 2 }], // windows wider than the map
];

for (const [name, on] of Object.entries(variants)) {
  Deno.test(`depthwise, ${name}: meets plain loops, and so does the mean`, async () => {
    for (const [shape, k, window] of CASES) {
      const [B, , , C] = shape, { outH, outW } = window;
      const x = fill("x", shape.reduce((a, b) => a * b));
      const weight = fill("w", C * k * k), bias = fill("b", C);
      const wanted = reference.conv(x, shape, weight, bias, k, window, C).map(reference.activations.silu);
      const packed = gpu.tensor(packDepthwise(weight, C, k), [k, k, C]);
      const { y, mean } = depthwise(on, gpu.tensor(x, shape), packed, gpu.tensor(bias), window, {
        act: "silu",
        mean: true,
      });
      assert.deepEqual(y.shape, [B, outH, outW, C]);
      reference.assertClose(await gpu.read(y), wanted, 1e-6, `${shape}`);
      assert.deepEqual(mean!.shape, [B, C]);
      const means = reference.positionMean(wanted, [B, outH * outW, C]);
      reference.assertClose(await gpu.read(mean!), means, 2e-6, `${shape}`);
    }
  });
}

Deno.test("depthwise refuses channels that are no multiple of 4 and foreign weights", () => {
  const window = { stride: 1, top: 1, left: 1, outH: 4, outW: 4 };
  const run = (C: number, weightC: number) =>
    depthwise(gpu, gpu.empty([1, 4, 4, C]), gpu.empty([3, 3, weightC]), gpu.empty([C]), window);
  assert.throws(() => run(6, 6), /multiple of 4/);
  assert.throws(() => run(8, 4), /8 channels/);
});
