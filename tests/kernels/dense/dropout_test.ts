import assert from "node:assert/strict";
import type { Dropout } from "../../../src/kernels/dense/element.ts";
import { attention } from "../../../src/kernels/dense/attention.ts";
import { gemm } from "../../../src/kernels/dense/gemm.ts";
import { layerNorm } from "../../../src/kernels/norm/layernorm.ts";
import { gpu } from "../../gpu.ts";
import { mask } from "../../reference/training.ts";

/** What dropout makes of [rows, columns] ones: LayerNorm's sum of zeros and a dropped branch of ones. */
async function droppedOnes(rows: number, columns: number, drop: Dropout): Promise<Float32Array> {
  return await gpu.step((gpu) => {
    const zeros = gpu.tensor(new Float32Array(rows * columns), [rows, columns]);
    const ones = gpu.tensor(new Float32Array(rows * columns).fill(1), [rows, columns]);
    const some = gpu.tensor(new Float32Array(columns));
    return gpu.read(layerNorm(gpu, zeros, ones, some, some, drop).z);
  });
}

Deno.test("the mask is that of src/hash.ts, whether values are read singly or by four", async () => {
  for (const seed of [0, 1, 0xffffffff]) {
    for (const columns of [28, 35]) {
      const drop = { p: 0.3, seed }, found = await droppedOnes(20, columns, drop);
      assert.deepEqual(found, Float32Array.from(found, (_, i) => mask(i, drop)));
    }
  }
});

Deno.test("gemm, attention and layerNorm drop the same positions", async () => {
  const drop = { p: 0.5, seed: 42 };
  for (const [M, N] of [[8, 12], [7, 9]]) {
    const c = gpu.empty([M, N]), ones = (n: number) => gpu.tensor(new Float32Array(n).fill(1));
    gemm(gpu, { a: ones(M), b: ones(N), c, M, N, K: 1, drop });
    // Equal weights of M queries for N keys, each of whose values is 1 at a place of its own.
    const q = gpu.tensor(new Float32Array(M * N), [1, M, N]),
      k = gpu.tensor(new Float32Array(N * N), [1, N, N]);
    const v = gpu.tensor(Float32Array.from({ length: N * N }, (_, i) => +(i % (N + 1) === 0)), [1, N, N]);
    const y = gpu.empty([M, N]);
    attention(gpu, { q, k, v, heads: 1, drop }, y, gpu.empty([M, 2]));
    const [product, weights] = await gpu.stream.read(c, y);
    const wanted = [...await droppedOnes(M, N, drop)].map((v) => v > 0);
    assert.deepEqual([...product].map((v) => v > 0), wanted);
    assert.deepEqual([...weights].map((v) => v > 0), wanted);
  }
});

Deno.test("the share that is dropped is p, and masks of two seeds are unrelated", async () => {
  const n = 400 * 500;
  // Four standard deviations of a binomial share.
  const near = (share: number, p: number) => Math.abs(share - p) < 4 * Math.sqrt(p * (1 - p) / n);
  const share = (x: Float32Array) => x.reduce((sum, v) => sum + +(v === 0), 0) / n;
  for (const p of [0.01, 0.1, 0.5, 0.9]) {
    assert.ok(near(share(await droppedOnes(400, 500, { p, seed: 7 })), p), `${p}`);
  }
  const [a, b] = [
    await droppedOnes(400, 500, { p: 0.1, seed: 1 }),
    await droppedOnes(400, 500, { p: 0.1, seed: 2 }),
  ];
  assert.ok(near(share(a.map((v, i) => v + b[i])), 0.01));
});

Deno.test("a probability of 0 drops nothing, one next to 1 everything, and others are refused", async () => {
  assert.ok((await droppedOnes(7, 8, { p: 0, seed: 3 })).every((v) => v === 1));
  assert.ok((await droppedOnes(7, 8, { p: 1 - 2 ** -40, seed: 3 })).every((v) => v === 0));
  for (const p of [-0.1, 1, 2, NaN]) {
    await assert.rejects(() => droppedOnes(7, 8, { p, seed: 3 }), /a dropout probability of 0 to below 1/);
  }
});
