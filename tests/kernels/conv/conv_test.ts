import assert from "node:assert/strict";
import { conv, packConv, type Window } from "../../../src/kernels/conv/conv.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import * as reference from "../../reference/backbone.ts";

const CASES: [shape: number[], O: number, k: number, window: Window][] = [
  [[1, 1, 1, 1], 4, 1, { stride: 1, top: 0, left: 0, outH: 1, outW: 1 }],
  [[2, 7, 11, 3], 12, 3, { stride: 2, top: 1, left: 1, outH: 4, outW: 6 }],
  [[3, 8, 6, 5], 8, 5, { stride: 2, top: 1, left: 2, outH: 4, outW: 3 }], // zeros: 1 above, 2 below, 2 left, 1 right
  [[1, 31, 37, 3], 48, 3, { stride: 2, top: 0, left: 1, outH: 15, outW: 19 }],
];

const ACTS = ["none", "relu", "relu6", "silu", "sigmoid", "tanh", { leaky: 0.1 }] as const;

Deno.test("conv meets plain loops with every activation", async () => {
  for (const [shape, O, k, window] of CASES) {
    const x = fill("x", shape.reduce((a, b) => a * b));
    const weight = fill("w", O * shape[3] * k * k), bias = fill("b", O);
    const linear = reference.conv(x, shape, weight, bias, k, window, 1);
    const packed = gpu.tensor(packConv(weight, O, shape[3], k), [k, k, shape[3], O]);
    for (const act of k === 5 ? ACTS : ["silu"] as const) { // each is a kernel of its own
      const y = conv(gpu, gpu.tensor(x, shape), packed, gpu.tensor(bias), window, act);
      assert.deepEqual(y.shape, [shape[0], window.outH, window.outW, O]);
      reference.assertClose(
        await gpu.read(y),
        linear.map(reference.activations[typeof act === "string" ? act : "leaky"]),
        1e-6,
        `${shape} ${JSON.stringify(act)}`,
      );
    }
  }
});

Deno.test("conv refuses what its kernel cannot read", () => {
  const x = gpu.empty([1, 4, 4, 3]), bias = gpu.empty([8]);
  const window = { stride: 1, top: 1, left: 1, outH: 4, outW: 4 };
  assert.throws(() => conv(gpu, x, gpu.empty([3, 3, 3, 6]), bias, window, "none"), /multiple of 4/);
  assert.throws(() => conv(gpu, x, gpu.empty([3, 3, 2, 8]), bias, window, "none"), /3 channels/);
  const none = { ...window, outH: 0 };
  assert.throws(() => conv(gpu, x, gpu.empty([3, 3, 3, 8]), bias, none, "none"), /at least 1/);
});
