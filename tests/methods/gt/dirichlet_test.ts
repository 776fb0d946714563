import assert from "node:assert/strict";
import { digamma, fitDirichlet } from "../../../src/methods/gt/dirichlet.ts";
import { transformTables } from "../../../src/methods/gt/transforms.ts";
import { float32Of } from "../../../src/formats/tensor_file.ts";
import { readSafetensors } from "../../../src/host/tensor_files.ts";

Deno.test("the derivative of log Γ", () => {
  assert.ok(Math.abs(digamma(1) + 0.5772156649015329) < 1e-12);
  assert.ok(Math.abs(digamma(0.5) + 1.9635100260214235) < 1e-12);
});

Deno.test("Dirichlet distributions are fitted as by Newton's method in SciPy", async () => {
  const path = new URL("../../golden/gt.safetensors", import.meta.url).pathname;
  const { tensors } = await readSafetensors(path);
  const [alpha, logs, means] = ["alpha", "mean_logs", "means"].map((name) => float32Of(tensors.get(name)!));
  for (let row = 0; row < alpha.length; row += 72) {
    const part = (values: Float32Array) => values.subarray(row, row + 72);
    const found = fitDirichlet(part(logs), part(means));
    found.forEach((value, k) => assert.ok(Math.abs(value / alpha[row + k] - 1) < 2e-3, `${row} ${k}`));
  }
});

Deno.test("answers all alike, or with a probability of next to 0, have finite parameters", () => {
  const sure = [1 - 2e-6, 1e-6, 1e-6];
  assert.ok(fitDirichlet(sure.map(Math.log), sure).every((a) => Number.isFinite(a) && a > 0));
});

Deno.test("each of 72 transformations is another one, and takes pixels of the image", () => {
  const tables = transformTables(16);
  assert.equal(new Set(tables.map(String)).size, 72);
  assert.ok(tables.every((table) => table.every((from) => from < 256)));
  assert.deepEqual([...tables[16]], [...Array(256).keys()]); // not mirrored, moved or turned
});
