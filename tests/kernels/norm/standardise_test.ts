import assert from "node:assert/strict";
import { standardise } from "../../../src/kernels/norm/standardise.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";
import { make } from "../../reference/training.ts";

Deno.test("standardise meets plain loops, and fills up with zeros", async () => {
  // The last: more rows than one dimension of the grid takes.
  for (
    const [B, N, C, wide] of [[1, 1, 1, 1], [3, 5, 7, 8], [2, 4, 66, 68], [1, 1, 3, 200], [5, 8191, 1, 2]]
  ) {
    const x = fill("x", B * N * C), mean = fill("mean", N * C), deviation = fill("deviation", C, 0.5, 2);
    const y = standardise(gpu, gpu.tensor(x, [B, N, C]), gpu.tensor(mean), gpu.tensor(deviation), wide);
    assert.deepEqual(y.shape, [B, N, wide]);
    const wanted = make(B * N * wide, (i) => {
      const row = Math.floor(i / wide), c = i % wide;
      return c < C ? (x[row * C + c] - mean[row % N * C + c]) / deviation[c] : 0;
    });
    assertClose(await gpu.read(y), wanted, 1e-6, `${[B, N, C, wide]}`);
  }
});

Deno.test("standardise refuses statistics of other sizes", () => {
  const x = gpu.empty([2, 3, 4]), mean = gpu.empty([12]), deviation = gpu.empty([4]);
  assert.throws(() => standardise(gpu, x, gpu.empty([11]), deviation, 4), /Expected a mean \[3,4\]/);
  assert.throws(() => standardise(gpu, x, mean, gpu.empty([3]), 4), /a deviation \[4\]/);
  assert.throws(() => standardise(gpu, x, mean, deviation, 3), /at least 4 columns/);
});
