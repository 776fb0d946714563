import assert from "node:assert/strict";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import { coresetRows, firstPick, projection, selectCoreset } from "../../../src/methods/patchcore/coreset.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { binding, variants } from "../../hardware.ts";
import { sum } from "../../reference/training.ts";

/** Algorithm 1 of the paper, by plain loops in float64; the first of equals, and none at no distance. */
function plainCoreset(x: Float32Array, C: number, wanted: number, seed: number): number[] {
  const { matrix, dims } = projection(C, C, seed), rows = x.length / C;
  const points = Array.from(
    { length: rows },
    (_, r) => Array.from({ length: dims }, (_, k) => sum(C, (c) => x[r * C + c] * matrix[c * dims + k])),
  );
  const picks = [firstPick(rows, seed)], nearest = new Array(rows).fill(Infinity);
  while (picks.length < wanted) {
    const last = points[picks[picks.length - 1]];
    let farthest = 0;
    for (let r = 0; r < rows; r++) {
      nearest[r] = Math.min(nearest[r], sum(dims, (k) => (points[r][k] - last[k]) ** 2));
      if (nearest[r] > nearest[farthest]) farthest = r;
    }
    if (nearest[farthest] === 0) break;
    picks.push(farthest);
  }
  return picks;
}

/** The GPU's picks, with the rows in batches of `batchRows`. */
async function picksOf(on: Gpu, x: Float32Array, C: number, wanted: number, seed: number, batchRows: number) {
  const rows = x.length / C, told: number[] = [];
  const batches = async function* () {
    for (let first = 0; first < rows; first += batchRows) {
      const part = x.slice(first * C, (first + batchRows) * C),
        batch = gpu.tensor(part, [part.length / C, C]);
      try {
        yield await Promise.resolve(batch);
      } finally {
        gpu.release(batch);
      }
    }
  };
  const before = gpu.memory.stats().inUse;
  const picks = await selectCoreset(
    on,
    batches(),
    { rows, batchRows, C, wide: C },
    wanted,
    seed,
    (n) => told.push(n),
  );
  assert.equal(gpu.memory.stats().inUse, before);
  if (wanted > 1) assert.equal(told[told.length - 1], picks.length);
  return [...picks];
}

for (const [name, on] of Object.entries(variants)) {
  Deno.test(`the picks are those of plain loops, ${name}`, async () => {
    for (
      const [rows, C, wanted, batchRows] of [[1, 4, 1, 8], [50, 4, 50, 50], [701, 12, 90, 64], [
        403,
        160,
        60,
        100,
      ]]
    ) {
      for (const seed of [0, 7]) {
        const x = fill(`rows ${seed}`, rows * C), found = await picksOf(on, x, C, wanted, seed, batchRows);
        assert.deepEqual(found, plainCoreset(x, C, wanted, seed), `${rows}×${C}`);
        assert.equal(found.length, wanted);
      }
    }
  });
}

Deno.test("points in pieces give the same picks as in one", async () => {
  const rows = 300, C = 8, x = fill("rows", rows * C), whole = await picksOf(gpu, x, C, 40, 1, 32);
  // 8 dimensions of 4 bytes: two batches of 32 rows in a piece, and 12 rows in the last.
  assert.deepEqual(await picksOf(binding(2500), x, C, 40, 1, 32), whole);
  assert.deepEqual(plainCoreset(x, C, 40, 1), whole);
});

Deno.test("pieces of rows that are no multiple of 4 pick every row once", async () => {
  const rows = 25, C = 8, x = fill("rows", rows * C), picks = await picksOf(binding(400), x, C, rows, 1, 5);
  assert.deepEqual(picks, plainCoreset(x, C, rows, 1));
  assert.equal(new Set(picks).size, rows);
});

Deno.test("equal points are picked once", async () => {
  const C = 4, x = new Float32Array(60 * C), kinds = fill("kinds", 5 * C);
  for (let r = 0; r < 60; r++) x.set(kinds.subarray(r % 5 * C, (r % 5 + 1) * C), r * C);
  const picks = await picksOf(gpu, x, C, 20, 3, 60);
  assert.equal(picks.length, 5);
  assert.deepEqual(picks.map((r) => r % 5).sort(), [0, 1, 2, 3, 4]);
  assert.deepEqual(picks, plainCoreset(x, C, 20, 3));
  assert.equal((await picksOf(gpu, new Float32Array(40 * C).fill(2), C, 4, 0, 40)).length, 1);
});

Deno.test("another seed has another start, and stopping stops", async () => {
  const starts = new Set([0, 1, 2, 3, 4].map((seed) => firstPick(1000, seed)));
  assert.ok(starts.size > 1 && [...starts].every((row) => row >= 0 && row < 1000));
  assert.equal(coresetRows(1000, 0.1), 100);
  assert.equal(coresetRows(5, 0.1), 1);
  const stop = new AbortController(), C = 4, before = gpu.memory.stats().inUse;
  const batches = async function* () {
    const batch = gpu.tensor(fill("rows", 100 * C), [100, C]);
    yield await Promise.resolve(batch);
    gpu.release(batch);
  };
  const sizes = { rows: 100, batchRows: 100, C, wide: C };
  await assert.rejects(
    selectCoreset(gpu, batches(), sizes, 100, 0, () => stop.abort(new Error("enough")), stop.signal),
    /enough/,
  );
  assert.equal(gpu.memory.stats().inUse, before);
});

Deno.test("the projection keeps distances on average", () => {
  const C = 400, { matrix, dims } = projection(C, C, 0), x = fill("x", C);
  assert.equal(dims, 128);
  const length = sum(C, (c) => x[c] ** 2);
  const projected = sum(dims, (k) => sum(C, (c) => x[c] * matrix[c * dims + k]) ** 2);
  assert.ok(Math.abs(projected / length - 1) < 0.3, `${projected / length}`);
});
