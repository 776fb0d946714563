import assert from "node:assert/strict";
import {
  norms,
  squaredDistance,
  squaredDistanceBackward,
  sumOfSquares,
} from "../../../src/kernels/rows/squares.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { variants } from "../../hardware.ts";
import { assertClose } from "../../reference/backbone.ts";
import { make, sum } from "../../reference/training.ts";

const SIZES = [1, 3, 4, 67, 2051, 8196, 100_003, 64 * 4096 * 4 + 8];

Deno.test("sums of squares and of squared differences meet plain loops, where they are to go", async () => {
  for (const n of SIZES) {
    const x = fill("x", n), wanted = fill("wanted", n), y = gpu.tensor([5, 6, 7, 8]);
    const gx = gpu.tensor(x);
    sumOfSquares(gpu, gx, y, { offset: 1 });
    squaredDistance(gpu, gx, gpu.tensor(wanted), y, { offset: 2, scale: 1 / n });
    const squares = sum(n, (i) => x[i] ** 2), distance = sum(n, (i) => (x[i] - wanted[i]) ** 2) / n;
    const found = await gpu.read(y);
    assert.deepEqual([found[0], found[3]], [5, 8]);
    assertClose([found[1]], [squares], 1e-6, `${n}`);
    assertClose([found[2]], [distance], 1e-6, `${n}`);
  }
});

Deno.test("the gradient of a squared distance, for every size", async () => {
  for (const n of SIZES) {
    const x = fill("x", n), wanted = fill("wanted", n), dx = gpu.empty([n]);
    squaredDistanceBackward(gpu, gpu.tensor(x), gpu.tensor(wanted), gpu.tensor([1.5]), dx, 2 / n);
    assertClose(await gpu.read(dx), make(n, (i) => 3 / n * (x[i] - wanted[i])), 1e-6, `${n}`);
  }
});

for (const [name, on] of Object.entries(variants)) {
  Deno.test(`norms of rows, ${name}, meet plain loops`, async () => {
    for (const [rows, C] of [[1, 1], [65, 3], [5, 4], [130, 260], [2 * 65535 + 3, 2]]) {
      const x = fill("x", rows * C), gx = gpu.tensor(x, [rows, C]);
      const y = gpu.empty([rows]);
      norms(on, gx, y);
      const wanted = make(rows, (r) => Math.sqrt(sum(C, (j) => x[r * C + j] ** 2)));
      assertClose(await gpu.read(y), wanted, 1e-6, `${rows}×${C}`);
    }
  });
}

Deno.test("squares refuse what does not fit", () => {
  assert.throws(
    () => squaredDistance(gpu, gpu.empty([4]), gpu.empty([5]), gpu.empty([1])),
    /but found \[5\]/,
  );
  assert.throws(() => norms(gpu, gpu.empty([4, 2]), gpu.empty([3])), /room for 4 norms/);
});
