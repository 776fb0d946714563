import assert from "node:assert/strict";
import { pointwise, type PointwiseOptions } from "../../../src/kernels/dense/pointwise.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { variants } from "../../hardware.ts";
import * as reference from "../../reference/backbone.ts";

const CASES: [shape: number[], N: number][] = [
  [[1, 1, 1, 4], 4], // small tiles
  [[3, 3, 5, 8], 44],
  [[2, 7, 11, 12], 24], // large tiles
  [[1, 8, 16, 272], 52],
];

for (const [name, on] of Object.entries(variants)) {
  Deno.test(`pointwise, ${name}: meets plain loops with gates, bias, SiLU and residual`, async () => {
    for (const [shape, N] of CASES) {
      const [B, H, W, K] = shape;
      const x = fill("x", B * H * W * K), weight = fill("w", N * K), bias = fill("b", N);
      const gates = fill("gates", B * K, 0, 1), residual = fill("residual", B * H * W * N);
      const window = { stride: 1, top: 0, left: 0, outH: H, outW: W };
      const gated = x.map((v, i) => v * gates[Math.floor(i / (H * W * K)) * K + i % K]);
      const plain = reference.conv(x, shape, weight, bias, 1, window, 1);
      const scaled = reference.conv(gated, shape, weight, bias, 1, window, 1);
      for (
        const [options, wanted] of [
          [{}, plain],
          [{ act: "silu" }, plain.map(reference.activations.silu)],
          [{ gates: gpu.tensor(gates, [B, K]) }, scaled],
          [
            { gates: gpu.tensor(gates, [B, K]), residual: gpu.tensor(residual) },
            scaled.map((v, i) => v + residual[i]),
          ],
        ] as [PointwiseOptions, Float64Array][]
      ) {
        const y = pointwise(on, gpu.tensor(x, shape), gpu.tensor(weight, [N, K]), gpu.tensor(bias), options);
        assert.deepEqual(y.shape, [B, H, W, N]);
        reference.assertClose(await gpu.read(y), wanted, 1e-6, `${shape} ${Object.keys(options)}`);
      }
    }
  });
}

Deno.test("pointwise: an image comes out the same whatever else is in the batch", async () => {
  const shape = [3, 9, 10, 24], N = 20, size = 9 * 10 * 24;
  const x = fill("x", 3 * size), gates = fill("gates", 3 * 24, 0, 1);
  const weight = gpu.tensor(fill("w", N * 24), [N, 24]), bias = gpu.tensor(fill("b", N));
  const run = async (B: number, x: Float32Array, gates: Float32Array) =>
    await gpu.read(pointwise(gpu, gpu.tensor(x, [B, ...shape.slice(1)]), weight, bias, {
      act: "silu",
      gates: gpu.tensor(gates),
    }));
  const together = await run(3, x, gates);
  const last = await run(1, x.subarray(2 * size), gates.subarray(48));
  assert.deepEqual(together.subarray(2 * 90 * N), last);
});

Deno.test("pointwise refuses what does not fit", () => {
  const run = (K: number, N: number, inputs: number, gates: number) =>
    pointwise(gpu, gpu.empty([2, 3, 3, K]), gpu.empty([N, inputs]), gpu.empty([N]), {
      gates: gpu.empty([gates]),
    });
  assert.throws(() => run(6, 8, 6, 12), /multiples of 4/);
  assert.throws(() => run(8, 6, 8, 16), /multiples of 4/);
  assert.throws(() => run(8, 8, 4, 16), /8 channels/);
  assert.throws(() => run(8, 8, 8, 8), /gates \[2,8\]/);
});
