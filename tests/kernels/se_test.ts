import assert from "node:assert/strict";
import { gate, positionMean } from "../../src/kernels/se.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import * as reference from "../reference/backbone.ts";

const SHAPES = [[1, 1, 1, 4], [3, 7, 5, 12], [2, 16, 16, 272], [2, 37, 41, 24], [1, 128, 128, 48]];

Deno.test("positionMean meets plain loops", async () => {
  for (const shape of SHAPES) {
    const [B, H, W, C] = shape;
    const x = fill("x", B * H * W * C, -0.5, 1);
    const y = positionMean(gpu, gpu.tensor(x, shape));
    assert.deepEqual(y.shape, [B, C]);
    reference.assertClose(await gpu.read(y), reference.positionMean(x, [B, H * W, C]), 2e-6, `${shape}`);
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
  assert.throws(() => positionMean(gpu, gpu.empty([1, 2, 2, 6])), /multiple of 4/);
  assert.throws(() => gate(gpu, gpu.empty([2, 2, 2, 8]), gpu.empty([2, 4])), /gates \[2,8\]/);
});
