import assert from "node:assert/strict";
import { positions, positionsBackward } from "../../../src/kernels/dense/position.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose } from "../../reference/backbone.ts";
import * as reference from "../../reference/training.ts";

Deno.test("position embeddings and their gradients meet plain loops, added or not", async () => {
  for (const [H, W, half] of [[1, 1, 1], [3, 2, 5], [2, 7, 33], [16, 16, 128]]) {
    const columns = fill("columns", W * half), rows = fill("rows", H * half);
    const pos = positions(gpu, gpu.tensor(columns, [W, half]), gpu.tensor(rows, [H, half]));
    assert.deepEqual(pos.shape, [H * W, 2 * half]);
    assertClose(await gpu.read(pos), reference.positions(columns, rows, half), 0);

    const dpos = fill("dpos", H * W * 2 * half),
      { dcolumns, drows } = reference.positionsBackward(dpos, W, half);
    for (const [addColumns, addRows] of [[false, true], [true, false]]) {
      const gcolumns = gpu.tensor(columns, [W, half]), grows = gpu.tensor(rows, [H, half]);
      const slots = [{ tensor: gcolumns, add: addColumns }, { tensor: grows, add: addRows }] as const;
      positionsBackward(gpu, gpu.tensor(dpos), ...slots);
      const [foundColumns, foundRows] = await gpu.stream.read(gcolumns, grows);
      assertClose(foundColumns, dcolumns.map((v, i) => v + (addColumns ? columns[i] : 0)), 1e-6);
      assertClose(foundRows, drows.map((v, i) => v + (addRows ? rows[i] : 0)), 1e-6);
    }
  }
});

Deno.test("position embeddings refuse tables of different widths", () => {
  assert.throws(() => positions(gpu, gpu.empty([2, 3]), gpu.empty([2, 4])), /but found 3 and 4/);
});
