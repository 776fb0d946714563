import assert from "node:assert/strict";
import { flagOf } from "../../src/commands/options.ts";
import { SettingError } from "../../src/errors.ts";
import { GpuError } from "../../src/gpu/error.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { Bank } from "../../src/methods/bank.ts";
import { bankBytes } from "../../src/methods/slots.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { binding, variants } from "../hardware.ts";
import { distance, nearestRows } from "../reference/neighbours.ts";

/** Rows around a mean that is large beside their distances. */
function rowsOf(name: string, rows: number, C: number): Float32Array<ArrayBuffer> {
  const mean = fill("mean", C, 5, 20);
  return fill(name, rows * C).map((v, i) => v + mean[i % C]);
}

async function check(
  bank: Bank,
  held: Float32Array,
  Q: number,
  C: number,
  k: number,
  units?: number[],
) {
  const unit = units ? 6 : 0, rows = units?.flatMap((u) => [0, 1, 2, 3, 4, 5].map((i) => unit * u + i));
  const queries = rowsOf("queries", Q, C);
  queries.set(held.subarray(0, C)); // one that is in the bank
  const x = gpu.tensor(queries, [Q, C]);
  const centred = bank.centre(gpu, x), found = bank.nearest(gpu, centred, k, units);
  const [d, numbers] = await gpu.stream.read(found.distances, found.slots);
  for (let q = 0; q < Q; q++) {
    const wanted = nearestRows(queries, q, held, C, rows);
    for (let i = 0; i < k; i++) {
      const at = q * k + i, what = `query ${q}, neighbour ${i}`;
      assert.ok(
        Math.abs(d[at] - wanted[i].distance) <= 1e-4 * wanted[k - 1].distance,
        `${what}: ${d[at]}, ${wanted[i].distance}`,
      );
      const row = bank.rowOf(numbers[at]);
      assert.ok(
        Math.abs(distance(queries, q, held, row, C) - wanted[i].distance) <= 1e-5 * wanted[i].distance,
        what,
      );
    }
    assert.equal(new Set(numbers.subarray(q * k, (q + 1) * k)).size, k, "a row twice");
  }
  for (const tensor of [x, centred, found.distances, found.slots]) gpu.release(tensor);
}

for (const [name, on] of Object.entries(variants)) {
  Deno.test(`the nearest rows are those of brute force, ${name}`, async () => {
    for (const [rows, C, Q, k] of [[1, 1, 3, 1], [5, 3, 2, 5], [300, 37, 70, 9], [1003, 130, 20, 50]]) {
      const held = rowsOf("bank", rows, C), bank = await Bank.of(on, [held], C);
      await check(bank, held, Q, C, k);
      bank[Symbol.dispose]();
    }
  });
}

Deno.test("a bank in pieces, in units, gives the same as one, and remembers its rows", async () => {
  const N = 6, C = 10, images = Array.from({ length: 9 }, (_, i) => rowsOf(`image ${i}`, N, C));
  const held = Float32Array.from(images.flatMap((image) => [...image]));
  const look = async (bank: Bank, units?: number[]) => {
    const x = gpu.tensor(held, [held.length / C, C]),
      found = bank.nearest(gpu, bank.centre(gpu, x), 3, units);
    const [distances, slots] = await gpu.stream.read(found.distances, found.slots);
    return [[...distances], [...slots]];
  };
  const whole = await Bank.of(gpu, images, C, N),
    wanted = await look(whole),
    some = await look(whole, [8, 2]);
  // A unit takes 8 slots of 12 floats: there is room for seven in a piece.
  const parted = await Bank.of(binding(2700), images, C, N), stored = await parted.read();
  const again = await Bank.open(binding(2700), stored, N);
  for (const bank of [parted, again]) {
    assert.deepEqual(await look(bank), wanted);
    assert.deepEqual(await look(bank, [8, 2]), some);
  }
  held.forEach((v, i) => assert.ok(Math.abs(stored.rows.data[i] + stored.mean.data[i % C] - v) < 1e-5));
  assert.deepEqual(stored.rows.shape, [54, C]);
  for (const bank of [whole, parted, again]) bank[Symbol.dispose]();
});

Deno.test("only the units that are asked for are searched", async () => {
  const C = 8, held = rowsOf("bank", 60, C);
  const images = Array.from({ length: 10 }, (_, i) => held.slice(i * 6 * C, (i + 1) * 6 * C));
  const bank = await Bank.of(gpu, images, C, 6);
  await check(bank, held, 5, C, 4, [3, 0, 9]);
  assert.throws(() => bank.nearest(gpu, gpu.empty([1, 8]), 7, [1]), /at least 7 rows to search, but found 6/);
  bank[Symbol.dispose]();
});

Deno.test("more queries than are looked up at once", async () => {
  const C = 4, held = rowsOf("bank", 30, C), bank = await Bank.of(gpu, [held], C);
  const queries = rowsOf("queries", 4099, C), x = bank.centre(gpu, gpu.tensor(queries, [4099, C]));
  const { distances } = bank.nearest(gpu, x, 1), d = await gpu.read(distances);
  for (let q = 0; q < 4099; q += 7) {
    const wanted = nearestRows(queries, q, held, C)[0].distance;
    assert.ok(Math.abs(d[q] - wanted) <= 1e-4 * wanted, `${q}`);
  }
  bank[Symbol.dispose]();
});

Deno.test("a bank says what it takes, and refuses images too large to be bound", async () => {
  const before = gpu.memory.stats().inUse, bank = await Bank.of(gpu, [rowsOf("bank", 4096, 16)], 16);
  const taken = gpu.memory.stats().inUse - before;
  assert.equal(bankBytes(4096, 16), 4096 * 17 * 4);
  assert.ok(taken >= bankBytes(4096, 16) && taken < 1.01 * bankBytes(4096, 16));
  bank[Symbol.dispose]();
  assert.equal(gpu.memory.stats().inUse, before);
  await assert.rejects(
    Bank.of(binding(1 << 20), [new Float32Array(1000 * 300)], 300, 1000),
    (error) =>
      error instanceof SettingError && error.kind === "memory" &&
      /^Expected an image's features .*\nLower --feature-size\.$/.test(error.spelled(flagOf)),
  );
});

Deno.test("a GPU that has not enough memory says what to lower", async () => {
  const full: Gpu = Object.create(gpu, {
    empty: {
      value: () => {
        throw new GpuError("out-of-memory", "The GPU is out of memory: asked for 128 MiB", ["batch_size"]);
      },
    },
  });
  await assert.rejects(
    Bank.of(full, [rowsOf("bank", 1 << 10, 1 << 8)], 1 << 8),
    (error) =>
      error instanceof SettingError && error.kind === "memory" &&
      /^A bank of 1024 × 256 features needs 1 MiB on the GPU: The GPU is out of memory: asked for 128 MiB\nLower --feature-size, keep fewer of the patches, or take fewer training images\.$/
        .test(error.spelled(flagOf)),
  );
});
