import assert from "node:assert/strict";
import { identity, normalisationOf } from "../../src/model/normalisation.ts";
import { fill } from "../fill.ts";
import { assertClose } from "../reference/backbone.ts";

const N = 7, C = 5;

Deno.test("mean per position and channel, deviation around it per channel", () => {
  const images = [0, 1, 2].map((i) => fill(`image ${i}`, N * C, 2, 5));
  const { mean, deviation } = normalisationOf(images, C);
  for (let c = 0; c < C; c++) {
    let square = 0;
    for (let n = 0; n < N; n++) {
      const values = images.map((image) => image[n * C + c]);
      const average = values.reduce((a, b) => a + b) / 3;
      assert.equal(mean[n * C + c], Math.fround(average));
      for (const value of values) square += (value - average) ** 2;
    }
    assertClose([deviation[c]], [Math.sqrt(square / (3 * N))], 1e-7);
  }
});

Deno.test("small deviations of large numbers are not lost", () => {
  const images = [0, 1, 2, 3].map((i) => fill(`large ${i}`, N * C, 999, 1001));
  const { deviation } = normalisationOf(images, C);
  assert.ok(deviation.every((d) => d > 0.3 && d < 0.8)); // 2 / √12, a little less around the mean of four
});

Deno.test("a channel that does not vary is centred and not blown up", () => {
  const images = [0, 1].map((i) => fill(`image ${i}`, N * C).map((v, at) => at % C === 3 ? 0.1 + at : v));
  const { mean, deviation } = normalisationOf(images, C);
  assert.equal(deviation[3], 1);
  assert.equal(mean[2 * C + 3], Math.fround(0.1 + 2 * C + 3));
  assert.ok(deviation.every((d, c) => c === 3 || (d > 0.1 && d < 1)));
  assert.deepEqual(normalisationOf([images[0]], C), {
    mean: images[0],
    deviation: new Float32Array(C).fill(1),
  });
});

Deno.test("identity changes nothing", () => {
  const { mean, deviation } = identity(N, C);
  assert.equal(mean.length, N * C);
  assert.ok(mean.every((m) => m === 0));
  assert.deepEqual(deviation, Float32Array.of(1, 1, 1, 1, 1));
});
