import assert from "node:assert/strict";
import {
  accumulate,
  add,
  fill as fillWith,
  multiply,
  reluBackward,
} from "../../../src/kernels/dense/elementwise.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";

const SIZES = [1, 3, 4, 67, 260, 64 * 4096 * 4 + 4, 64 * 4096 + 1]; // the last two: two rows of workgroups

Deno.test("add repeats its second operand over the first", async () => {
  for (const [n, period] of [[1, 1], [12, 4], [15, 5], [12, 3], [260, 260], [64 * 4096 * 4 + 4, 4]]) {
    const x = fill("x", n), p = fill("p", period), y = gpu.empty([n]);
    add(gpu, gpu.tensor(x), gpu.tensor(p), y, -0.5);
    assertClose(
      await gpu.read(y),
      Float64Array.from(x, (v, i) => v - 0.5 * p[i % period]),
      1e-7,
      `${n}, ${period}`,
    );
  }
});

Deno.test("multiply repeats its second operand over the first, and adds where it is asked to", async () => {
  for (const [n, period] of [[1, 1], [12, 4], [15, 5], [12, 3], [64 * 4096 * 4 + 4, 4]]) {
    const x = fill("x", n), p = fill("p", period), before = fill("y", n), y = gpu.tensor(before);
    const wanted = Float64Array.from(x, (v, i) => v * p[i % period]);
    multiply(gpu, gpu.tensor(x), gpu.tensor(p), y, true);
    assertClose(await gpu.read(y), wanted.map((v, i) => v + before[i]), 1e-7, `${n}, ${period}`);
    multiply(gpu, gpu.tensor(x), gpu.tensor(p), y);
    assertClose(await gpu.read(y), wanted, 1e-7, `${n}, ${period}`);
  }
});

Deno.test("accumulate copies or adds, fill fills, for every size", async () => {
  for (const n of SIZES) {
    const x = fill("x", n), y = gpu.tensor(fill("y", n)), z = gpu.empty([n]), gx = gpu.tensor(x);
    accumulate(gpu, gx, y, true);
    accumulate(gpu, gx, z, false);
    const before = fill("y", n);
    accumulate(gpu, gx, z, true, -0.5);
    assertClose(await gpu.read(z), Float64Array.from(x, (v) => 0.5 * v), 1e-7);
    accumulate(gpu, gx, z, false);
    assertClose(await gpu.read(y), Float64Array.from(x, (v, i) => v + before[i]), 1e-7, `${n}`);
    assert.deepEqual(await gpu.read(z), x);
    fillWith(gpu, z, 2.5);
    assert.ok((await gpu.read(z)).every((v) => v === 2.5));
  }
});

Deno.test("reluBackward passes what ReLU passed, scaled", async () => {
  for (const n of SIZES) {
    const dy = fill("dy", n), y = fill("y", n).map((v) => Math.max(v, 0)), dx = gpu.empty([n]);
    reluBackward(gpu, gpu.tensor(dy), gpu.tensor(y), dx, 1.25);
    assertClose(
      await gpu.read(dx),
      Float64Array.from(dy, (v, i) => y[i] > 0 ? 1.25 * v : 0),
      n === 1 ? 1 : 1e-7,
    );
  }
});

Deno.test("elementwise kernels refuse sizes that do not fit", () => {
  assert.throws(() => add(gpu, gpu.empty([6]), gpu.empty([4]), gpu.empty([6])), /to divide/);
  assert.throws(() => add(gpu, gpu.empty([8]), gpu.empty([4]), gpu.empty([4])), /of one size/);
  assert.throws(() => multiply(gpu, gpu.empty([6]), gpu.empty([4]), gpu.empty([6])), /to divide/);
  assert.throws(() => accumulate(gpu, gpu.empty([5]), gpu.empty([4]), true), /of one size/);
});
