import assert from "node:assert/strict";
import { candidates, choose, merge } from "../../../src/kernels/search/neighbours.ts";
import { gpu } from "../../gpu.ts";

Deno.test("the nearest of many rows is found where each is nearer than the one before", async () => {
  const columns = 40_000,
    scores = gpu.tensor(Float32Array.from({ length: columns }, (_, i) => -i), [1, columns]);
  const lists = candidates(gpu, 1, 4);
  for (const [first, fresh] of [[0, true], [columns, false]] as const) {
    choose(gpu, scores, lists, first, fresh);
  }
  const { values, rows } = merge(gpu, lists);
  assert.deepEqual([...await gpu.read(values)], [39_999, 39_999, 39_998, 39_998].map((n) => -n));
  assert.deepEqual([...await gpu.read(rows)], [39_999, 79_999, 39_998, 79_998]);
});
