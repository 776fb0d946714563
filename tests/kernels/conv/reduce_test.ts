import assert from "node:assert/strict";
import { reduceImages } from "../../../src/kernels/conv/reduce.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import * as reference from "../../reference/backbone.ts";

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
