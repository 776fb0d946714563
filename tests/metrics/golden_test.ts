/**
 * All metrics against scikit-learn, and against AUPRO written plainly with SciPy: tests/golden/metrics.py says how
 * the cases are made.
 *
 * @module
 */
import assert from "node:assert/strict";
import { aupro } from "../../src/metrics/aupro.ts";
import { imageMetrics, pixelMetrics } from "../../src/metrics/metrics.ts";
import { fill } from "../fill.ts";
import golden from "../golden/metrics.json" with { type: "json" };

const TOLERANCE = 1e-12;

Deno.test("image metrics agree with scikit-learn", () => {
  for (const test of golden.image) {
    const labels = Uint8Array.from(
      fill(test.name + ".labels", test.n, 0, 1),
      (u) => +(u < f32(test.anomalous)),
    );
    assertAgrees(imageMetrics(scoresOf(test, labels), labels), test.expected, test.name);
  }
});

Deno.test("pixel metrics agree with scikit-learn and SciPy", () => {
  for (const test of golden.pixel) {
    const masks = masksOf(test), maps = scoresOf(test, masks);
    const { n, width, height } = test;
    assertAgrees(pixelMetrics(maps, masks, n, width, height), test.expected, test.name);
    for (const [limit, expected] of Object.entries(test.limits)) {
      const name = `${test.name} to ${limit}`;
      assertAgrees({ aupro: aupro(maps, masks, n, width, height, +limit) }, { aupro: expected }, name);
    }
  }
});

const f32 = Math.fround;

function scoresOf(
  test: { name: string; levels: number; shift: number },
  anomalous: Uint8Array,
): Float32Array {
  const scores = fill(test.name, anomalous.length, -1, 1);
  return scores.map((x, i) => {
    const level = Math.floor((x + 1) * test.levels / 2) - Math.floor(test.levels / 2);
    return (test.levels ? level : x) + test.shift * anomalous[i];
  });
}

function masksOf({ name, n, width, height, specks, boxes }: typeof golden.pixel[number]): Uint8Array {
  const masks = Uint8Array.from(fill(name + ".specks", n * height * width, 0, 1), (u) => +(u < f32(specks)));
  const numbers = fill(name + ".boxes", boxes * 5, 0, 1);
  for (let b = 0; b < boxes; b++) {
    const [image, x, y, w, h] = [n, width, height, 12, 12].map((range, i) =>
      Math.floor(numbers[b * 5 + i] * range)
    );
    for (let row = y; row < Math.min(y + h, height); row++) {
      const start = (image * height + row) * width;
      masks.fill(1, start + x, start + Math.min(x + w, width));
    }
  }
  return masks;
}

function assertAgrees(actual: object, expected: object, name: string): void {
  const found = new Map<string, number | null>(Object.entries(actual));
  for (const [metric, value] of Object.entries(expected)) {
    const error = Math.abs((found.get(metric) ?? NaN) - value);
    assert(error <= TOLERANCE, `${name}: ${metric} is ${found.get(metric)}, expected ${value}`);
  }
}
