import assert from "node:assert/strict";
import { positionMean } from "../../../src/kernels/conv/position_mean.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import * as reference from "../../reference/backbone.ts";

const SHAPES = [[1, 1, 1, 4], [2, 3, 2, 3], [3, 7, 5, 12], [2, 16, 16, 272], [2, 37, 41, 24], [
  1,
  128,
  128,
  48,
]];

Deno.test("positionMean meets plain loops", async () => {
  for (const shape of SHAPES) {
    const [B, H, W, C] = shape;
    const x = fill("x", B * H * W * C, -0.5, 1);
    const y = positionMean(gpu, gpu.tensor(x, shape));
    assert.deepEqual(y.shape, [B, C]);
    reference.assertClose(await gpu.read(y), reference.positionMean(x, [B, H * W, C]), 2e-6, `${shape}`);
  }
});
