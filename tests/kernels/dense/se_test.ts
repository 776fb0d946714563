import assert from "node:assert/strict";
import { dense, gate } from "../../../src/kernels/dense/se.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import * as reference from "../../reference/backbone.ts";

const SHAPES = [[1, 1, 1, 4], [3, 7, 5, 12], [2, 16, 16, 272], [2, 37, 41, 24], [1, 128, 128, 48]];

Deno.test("dense meets plain loops, a row whatever the others are", async () => {
  for (const [B, K, N] of [[1, 4, 4], [3, 48, 12], [2, 20, 132]]) {
    const x = fill("x", B * K), w = fill("w", N * K), b = fill("b", N);
    const weight = gpu.tensor(w, [N, K]), bias = gpu.tensor(b);
    const window = { stride: 1, top: 0, left: 0, outH: 1, outW: 1 };
    const linear = reference.conv(x, [B, 1, 1, K], w, b, 1, window, 1);
    for (const act of ["silu", "sigmoid"] as const) {
      const y = dense(gpu, gpu.tensor(x, [B, K]), weight, bias, act);
      assert.deepEqual(y.shape, [B, N]);
      const found = await gpu.read(y);
      reference.assertClose(found, linear.map(reference.activations[act]), 1e-6, `${[B, K, N]} ${act}`);
      const last = dense(gpu, gpu.tensor(x.subarray(-K), [1, K]), weight, bias, act);
      assert.deepEqual(await gpu.read(last), found.subarray(-N));
    }
  }
});

Deno.test("gate multiplies in place, exactly", async () => {
  for (const shape of SHAPES) {
    const [B, H, W, C] = shape;
    const values = fill("x", B * H * W * C), gates = fill("gates", B * C);
    const x = gpu.tensor(values, shape);
    gate(gpu, x, gpu.tensor(gates, [B, C]));
    const wanted = values.map((v, i) => v * gates[Math.floor(i / (H * W * C)) * C + i % C]);
    assert.deepEqual(await gpu.read(x), wanted);
  }
});

Deno.test("squeeze-excite refuses what does not fit", () => {
  const run = (K: number, N: number, inputs: number) =>
    dense(gpu, gpu.empty([1, K]), gpu.empty([N, inputs]), gpu.empty([N]), "silu");
  assert.throws(() => run(6, 8, 6), /multiples of 4/);
  assert.throws(() => run(8, 6, 8), /multiples of 4/);
  assert.throws(() => run(8, 8, 4), /8 channels/);
  assert.throws(() => gate(gpu, gpu.empty([2, 2, 2, 8]), gpu.empty([2, 4])), /gates \[2,8\]/);
});
