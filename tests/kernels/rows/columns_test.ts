import assert from "node:assert/strict";
import { sumColumns } from "../../../src/kernels/rows/columns.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";
import { columnSums } from "../../reference/training.ts";

Deno.test("sumColumns meets plain loops in one, two and three runs", async () => {
  for (const [rows, columns] of [[1, 1], [5, 4], [128, 7], [129, 68], [1000, 3], [9000, 4], [2, 4099]]) {
    const x = fill("x", rows * columns), y = gpu.empty([columns]);
    sumColumns(gpu, gpu.tensor(x), y, { rows, columns });
    assertClose(await gpu.read(y), columnSums(x, columns), 1e-6, `${rows}×${columns}`);
  }
});

Deno.test("sumColumns of more rows than llvmpipe loops", async () => {
  const rows = 600_000, x = gpu.tensor(new Float32Array(2 * rows).fill(1)), y = gpu.empty([2]);
  sumColumns(gpu, x, y, { rows, columns: 2 });
  assert.deepEqual([...await gpu.read(y)], [rows, rows]);
  gpu.release(x);
});

Deno.test("sumColumns takes some of the columns, scales, adds, and writes nothing else", async () => {
  for (const [pitch, first, columns, offset] of [[12, 4, 8, 4], [11, 3, 5, 2]]) {
    for (const rows of [3, 150]) {
      const x = fill("x", rows * pitch), before = fill("y", columns + offset + 3);
      const part = x.filter((_, i) => i % pitch >= first && i % pitch < first + columns);
      const sums = columnSums(part, columns);
      for (const accumulate of [false, true]) {
        const y = gpu.tensor(before);
        sumColumns(gpu, gpu.tensor(x), y, { rows, columns, pitch, first, offset, scale: 0.5, accumulate });
        const wanted = Float64Array.from(before, (v, i) => {
          const j = i - offset;
          return j < 0 || j >= columns ? v : 0.5 * sums[j] + (accumulate ? v : 0);
        });
        assertClose(await gpu.read(y), wanted, 1e-6, `${[pitch, first, columns, offset, rows, accumulate]}`);
      }
    }
  }
});

Deno.test("sumColumns gives the same bits in every run, and the memory of its parts back", async () => {
  const x = gpu.tensor(fill("x", 9000 * 5)), y = gpu.empty([5]), again = gpu.empty([5]);
  const { inUse } = gpu.memory.stats();
  for (const to of [y, again]) sumColumns(gpu, x, to, { rows: 9000, columns: 5 });
  assert.equal(gpu.memory.stats().inUse, inUse);
  assert.deepEqual(await gpu.read(y), await gpu.read(again));
});

Deno.test("sumColumns refuses more columns than a dispatch reaches", () => {
  const x = gpu.empty([1]);
  assert.throws(() => sumColumns(gpu, x, x, { rows: 1, columns: 2 ** 24 + 1 }), /Expected fewer columns/);
});
