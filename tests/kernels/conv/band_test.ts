import assert from "node:assert/strict";
import { alongAxes } from "../../../src/kernels/conv/band.ts";
import {
  type Axis,
  bandOf,
  blurred,
  chained,
  extended,
  matrixOf,
  resized,
  windowMeans,
} from "../../../src/model/axis.ts";
import { fill } from "../../fill.ts";
import { gpu } from "../../gpu.ts";
import { assertClose, averagePool, readGolden, resize } from "../../reference/backbone.ts";

const golden = readGolden("methods.safetensors");

async function along(x: Float32Array, shape: number[], down: Axis, across = down): Promise<Float32Array> {
  return await gpu.read(alongAxes(gpu, gpu.tensor(x, shape), bandOf(down), bandOf(across)));
}

/** The same by matrices and plain loops. */
function plainly(x: Float32Array, B: number, down: Axis, across: Axis): Float64Array {
  const [A, C] = [matrixOf(down), matrixOf(across)], [h, w] = [down.inputs, across.inputs];
  const H = down.outputs, W = across.outputs, y = new Float64Array(B * H * W);
  for (let at = 0; at < y.length; at++) {
    const b = Math.floor(at / (H * W)), i = Math.floor(at / W) % H, j = at % W;
    for (let p = 0; p < h; p++) {
      for (let q = 0; q < w; q++) y[at] += A[i * h + p] * C[j * w + q] * x[(b * h + p) * w + q];
    }
  }
  return y;
}

Deno.test("bands meet matrices, of any number of rows and columns", async () => {
  for (const [B, h, H, w, W] of [[1, 1, 1, 1, 1], [3, 5, 7, 4, 8], [2, 7, 3, 9, 130], [1, 2, 70, 3, 68]]) {
    // Windows of different lengths, an input twice.
    const made = (inputs: number, outputs: number): Axis => ({
      inputs,
      outputs,
      row(i) {
        const at = Math.floor(i * inputs / outputs), end = Math.min(at + i % 3, inputs - 1);
        return [{ at, weight: 0.5 }, { at: end, weight: 0.25 + i }, { at, weight: -0.125 }];
      },
    });
    const x = fill("x", B * h * w), [down, across] = [made(h, H), made(w, W)];
    assertClose(
      await along(x, [B, h, w], down, across),
      plainly(x, B, down, across),
      1e-6,
      `${[B, h, H, w, W]}`,
    );
  }
  const band = bandOf(windowMeans(5, 2));
  assert.throws(
    () => alongAxes(gpu, gpu.empty([1, 5, 4]), band, band),
    /Expected maps of 5×5, but found \[1,5,4\]/,
  );
});

Deno.test("Gaussian smoothing is SciPy's, on maps smaller than the window too", async () => {
  for (const [H, W, sigma] of [[1, 1, 4], [3, 7, 4], [40, 33, 4], [64, 9, 1.3]]) {
    const name = `blur ${H}x${W}`,
      x = fill(name, H * W),
      wanted = new Float64Array(golden[name.replace(" ", ".")].buffer);
    const two = Float32Array.from([...x.map((v) => 3 * v), ...x]);
    const y = await along(two, [2, H, W], blurred(H, sigma), blurred(W, sigma));
    assertClose(y.subarray(H * W), wanted, 1e-6, name);
    assertClose(y.subarray(0, H * W), wanted.map((v) => 3 * v), 1e-6, name);
  }
});

Deno.test("enlarging is bilinear with aligned corners, and meets them exactly", async () => {
  for (const [h, w, H, W] of [[1, 1, 5, 4], [5, 3, 4, 2], [5, 3, 1, 2], [16, 16, 67, 131], [9, 7, 9, 7]]) {
    const x = fill("x", 2 * h * w), y = await along(x, [2, h, w], resized(h, H), resized(w, W));
    assertClose(y, resize(x, [2, h, w, 1], H, W), 3e-7, `${h}×${w} → ${H}×${W}`);
    assert.equal(y[0], x[0]);
    if (H > 1 && W > 1) assert.equal(y.at(-1), x.at(-1));
  }
});

Deno.test("means of windows meet plain loops", async () => {
  for (const [H, W, k] of [[1, 1, 1], [5, 7, 5], [67, 71, 16], [16, 16, 16]]) {
    const x = fill("x", 2 * H * W, 0, 1), y = await along(x, [2, H, W], windowMeans(H, k), windowMeans(W, k));
    assertClose(y, averagePool(x, [2, H, W], k), 5e-7, `${H}×${W}, ${k}`);
  }
  assert.throws(() => windowMeans(15, 16), /at least 16×16, but found 15/);
});

Deno.test("a border takes the nearest values within, exactly", async () => {
  for (const [H, W, margin] of [[3, 3, 1], [11, 12, 5], [7, 70, 3], [4, 5, 0]]) {
    const x = fill("x", 2 * H * W),
      within = (i: number, n: number) => Math.min(Math.max(i, margin), n - 1 - margin);
    const y = await along(x, [2, H, W], extended(H, margin), extended(W, margin));
    const wanted = x.map((_, at) => {
      const b = Math.floor(at / (H * W)), i = Math.floor(at / W) % H, j = at % W;
      return x[(b * H + within(i, H)) * W + within(j, W)];
    });
    assert.deepEqual(y, wanted, `${H}×${W}, ${margin}`);
  }
  assert.throws(() => extended(10, 5), /more than 10 values, but found 10/);
});

Deno.test("one after the other is both", async () => {
  const x = fill("x", 16 * 16), both = chained(resized(16, 64), blurred(64, 4));
  const large = await along(x, [1, 16, 16], resized(16, 64));
  assertClose(await along(x, [1, 16, 16], both), await along(large, [1, 64, 64], blurred(64, 4)), 1e-6, "64");
  assert.ok(bandOf(both).taps < 16, `${bandOf(both).taps}`);
});

Deno.test("maps of the largest images are made, and averaged", async () => {
  const large = resized(16, 4095), means = windowMeans(4095, 16), x = fill("x", 256);
  const maps = alongAxes(gpu, gpu.tensor(x, [1, 16, 16]), bandOf(large), bandOf(large));
  const y = await gpu.read(alongAxes(gpu, maps, bandOf(means), bandOf(means)));
  assert.equal(y.length, 4080 ** 2);
  const both = chained(large, means),
    wanted = plainly(x, 1, { ...both, outputs: 1 }, { ...both, outputs: 3 });
  assertClose(y.subarray(0, 3), wanted, 1e-6, "the first");
});
