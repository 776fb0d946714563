import assert from "node:assert/strict";
import { binsOf } from "../../../src/kernels/rows/bins.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";

Deno.test("bins: values from 0 to 1, at their ends, and beyond", async () => {
  await gpu.step(async (scope) => {
    const x = [...fill("x", 93, -0.1, 1.1), 0, 1, 0.5, 0.25, -3, 7, 1e30];
    const found = await scope.read(binsOf(scope, scope.tensor(x, [x.length / 4, 4]), 4));
    const wanted = x.map((value) => Math.min(Math.max(Math.floor(4 * value), 0), 3));
    assert.deepEqual([...found], wanted);
    assert.equal(new Set(wanted).size, 4);
  });
});
