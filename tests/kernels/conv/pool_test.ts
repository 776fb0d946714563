import assert from "node:assert/strict";
import { averagePool, reduceImages } from "../../../src/kernels/conv/pool.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import * as reference from "../../reference/backbone.ts";

Deno.test("averagePool meets plain loops", async () => {
  const cases: [number[], number][] = [[[1, 1, 1], 1], [[2, 5, 7], 5], [[3, 67, 71], 16], [[1, 16, 16], 16]];
  for (const [shape, k] of cases) {
    const x = fill("x", shape.reduce((a, b) => a * b), 0, 1);
    const y = averagePool(gpu, gpu.tensor(x, shape), k);
    assert.deepEqual(y.shape, [shape[0], shape[1] - k + 1, shape[2] - k + 1]);
    reference.assertClose(await gpu.read(y), reference.averagePool(x, shape, k), 5e-7, `${shape}`);
  }
  assert.throws(() => averagePool(gpu, gpu.empty([1, 16, 15]), 16), /at least 16×16/);
});

Deno.test("reduceImages gives each image's maximum exactly, also of negative values, and its mean", async () => {
  for (const [B, n] of [[1, 1], [3, 63], [2, 64], [2, 65], [3, 4097], [1, 65536]]) {
    const x = fill("x", B * n, -3, -1);
    const images = Array.from({ length: B }, (_, b) => x.subarray(b * n, (b + 1) * n));
    const tensor = gpu.tensor(x, [B, n]);
    const largest = reduceImages(gpu, tensor, "max");
    assert.deepEqual(largest.shape, [B]);
    assert.deepEqual(
      [...await gpu.read(largest)],
      images.map((image) => image.reduce((a, b) => Math.max(a, b))),
    );
    const means = images.map((image) => image.reduce((a, b) => a + b / n, 0));
    reference.assertClose(await gpu.read(reduceImages(gpu, tensor, "mean")), means, 5e-7, `${B}×${n}`);
  }
});
