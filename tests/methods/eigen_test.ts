import assert from "node:assert/strict";
import { symmetricEigen } from "../../src/methods/eigen.ts";
import { fill } from "../fill.ts";
import { sum } from "../reference/training.ts";

/** Fails unless the pairs are those of the matrix, in order. */
async function check(matrix: Float64Array, n: number): Promise<Float64Array> {
  const { values, vectors } = await symmetricEigen(matrix.slice(), n);
  const size = Math.max(1, Math.sqrt(sum(n * n, (i) => matrix[i] ** 2)));
  for (let k = 0; k < n; k++) {
    if (k > 0) assert.ok(values[k] <= values[k - 1], "in descending order");
    for (let i = 0; i < n; i++) {
      const image = sum(n, (j) => matrix[i * n + j] * vectors[k * n + j]);
      assert.ok(Math.abs(image - values[k] * vectors[k * n + i]) < 1e-13 * size, `pair ${k} of ${n}`);
      const product = sum(n, (j) => vectors[k * n + j] * vectors[i * n + j]);
      assert.ok(Math.abs(product - (i === k ? 1 : 0)) < 1e-13 * n, `vectors ${k} and ${i} of ${n}`);
    }
  }
  return values;
}

Deno.test("eigenpairs satisfy their equation and are orthonormal", async () => {
  for (const n of [1, 2, 3, 4, 17, 60]) {
    const half = fill("half", n * n);
    await check(
      Float64Array.from({ length: n * n }, (_, i) => half[i] + half[i % n * n + Math.floor(i / n)]),
      n,
    );
  }
});

Deno.test("matrices that fall apart, repeat values or are of low rank", async () => {
  const n = 6,
    square = (entry: (i: number, j: number) => number) =>
      Float64Array.from({ length: n * n }, (_, at) => entry(Math.floor(at / n), at % n));
  assert.deepEqual([...await check(square(() => 0), n)], [0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...await check(square((i, j) => i === j ? i : 0), n)], [5, 4, 3, 2, 1, 0]);
  const ones = await check(square(() => 1), n);
  ones.forEach((value, k) => assert.ok(Math.abs(value - (k === 0 ? n : 0)) < 1e-14 * n));
  await check(square((i, j) => i === j ? 2 : Math.abs(i - j) === 3 ? 1 : 0), n);
  await check(square((i, j) => Math.abs(i - j) === 1 ? 1e-160 : 0), n);
});
