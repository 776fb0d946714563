import assert from "node:assert/strict";
import { neighbourhoodMean } from "../../../src/kernels/conv/neighbourhood.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose, readGolden } from "../../reference/backbone.ts";
import { C, features, H, onGpu, W } from "../../methods/made_up.ts";

Deno.test("the mean over 3×3 positions is PyTorch's without the padding in the count", async () => {
  const wanted = new Float64Array(readGolden("methods.safetensors").patches.buffer);
  assertClose(await gpu.read(neighbourhoodMean(gpu, onGpu(gpu, features("test", 3)), H, W)), wanted, 1e-6);
  assert.equal(wanted.length, 3 * H * W * C);
});

Deno.test("rows, columns and single positions have fewer neighbours", async () => {
  const x = fill("x", 6);
  const mean = async (H: number, W: number) =>
    await gpu.read(neighbourhoodMean(gpu, gpu.tensor(x.subarray(0, 2 * H * W), [2, H * W, 1]), H, W));
  assert.deepEqual(await mean(1, 1), x.slice(0, 2));
  const wanted = [0, 1, 2, 3, 4, 5].map((i) => i - i % 3).flatMap((row, i) => {
    const near = [x[row], x[row + 1], x[row + 2]].slice(Math.max(0, i % 3 - 1), i % 3 + 2);
    return near.reduce((a, b) => a + b) / near.length;
  });
  for (const [H, W] of [[1, 3], [3, 1]]) assertClose(await mean(H, W), wanted, 1e-6);
  assert.throws(
    () => neighbourhoodMean(gpu, gpu.empty([1, 6, 2]), 2, 2),
    /2×2 positions, but found \[1,6,2\]/,
  );
});
