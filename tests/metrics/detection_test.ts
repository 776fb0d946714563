import assert from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { InputError } from "../../src/errors.ts";
import { auroc, averagePrecision, bestF1 } from "../../src/metrics/detection.ts";

/** Scores with many ties, negative numbers and both zeros, and labels of both classes. */
const samples = fc.array(
  fc.record({ score: fc.constantFrom(-2.5, -1, -0, 0, 1, 1.5, 7), label: fc.nat(1) }),
  { minLength: 2, maxLength: 40 },
).filter((list) => new Set(list.map((s) => s.label)).size === 2).map((list) => ({
  scores: Float32Array.from(list, (s) => s.score),
  labels: Uint8Array.from(list, (s) => s.label),
}));

Deno.test("auroc is the share of pairs won, ties half", () => {
  fc.assert(fc.property(samples, ({ scores, labels }) => {
    let won = 0, pairs = 0;
    for (let i = 0; i < scores.length; i++) {
      for (let j = 0; j < scores.length; j++) {
        if (labels[i] === 0 || labels[j] === 1) continue;
        won += scores[i] > scores[j] ? 1 : scores[i] === scores[j] ? 0.5 : 0;
        pairs++;
      }
    }
    assertClose(auroc(scores, labels), won / pairs);
  }));
});

Deno.test("average precision and best F1 follow their definitions threshold by threshold", () => {
  fc.assert(fc.property(samples, ({ scores, labels }) => {
    const thresholds = [...new Set(scores)].sort((a, b) => b - a);
    const positives = labels.filter((l) => l === 1).length;
    let lastRecall = 0, ap = 0, f1 = 0;
    for (const threshold of thresholds) {
      const found = labels.filter((_, i) => scores[i] >= threshold);
      const hits = found.filter((l) => l === 1).length;
      const precision = hits / found.length, recall = hits / positives;
      ap += (recall - lastRecall) * precision;
      if (hits > 0) f1 = Math.max(f1, 2 * precision * recall / (precision + recall));
      lastRecall = recall;
    }
    assertClose(averagePrecision(scores, labels), ap);
    assertClose(bestF1(scores, labels), f1);
  }));
});

Deno.test("only the order of the scores matters", () => {
  fc.assert(fc.property(samples, ({ scores, labels }) => {
    const other = scores.map((s) => Math.exp(s / 3) * 1e-30 - 1e-31);
    for (const metric of [auroc, averagePrecision, bestF1]) {
      assert.equal(metric(other, labels), metric(scores, labels));
    }
  }));
});

Deno.test("swapped labels or turned scores give 1 − AUROC", () => {
  fc.assert(fc.property(samples, ({ scores, labels }) => {
    const rest = 1 - auroc(scores, labels)!;
    assertClose(auroc(scores, labels.map((l) => 1 - l)), rest);
    assertClose(auroc(scores.map((s) => -s), labels), rest);
  }));
});

Deno.test("the order of the samples does not matter", () => {
  fc.assert(fc.property(samples, ({ scores, labels }) => {
    for (const metric of [auroc, averagePrecision, bestF1]) {
      assert.equal(metric(scores.toReversed(), labels.toReversed()), metric(scores, labels));
    }
  }));
});

Deno.test("every float32 is ranked as it compares", () => {
  const float = fc.float({ noNaN: true });
  fc.assert(fc.property(float, float, (a, b) => {
    const expected = a > b ? 1 : a === b ? 0.5 : 0;
    assert.equal(auroc(Float32Array.of(a, b), Uint8Array.of(1, 0)), expected);
  }));
  const steps = Float32Array.of(-Infinity, -3e38, -1, -1e-45, -0, 1e-45, 1, 3e38, Infinity);
  for (let i = 1; i < steps.length; i++) {
    assert.equal(auroc(steps.slice(i - 1, i + 1), Uint8Array.of(0, 1)), 1, `${steps[i - 1]} < ${steps[i]}`);
  }
});

Deno.test("a view into a larger buffer is ranked as a copy is, and the scores stay as they are", () => {
  const all = Float32Array.of(9, 9, 0.25, -0, 0.75, 9);
  assert.equal(auroc(all.subarray(2, 5), Uint8Array.of(0, 0, 1)), 1);
  assert.deepEqual(all, Float32Array.of(9, 9, 0.25, -0, 0.75, 9));
});

Deno.test("one class, or nothing, has no metrics", () => {
  for (const metric of [auroc, averagePrecision, bestF1]) {
    assert.equal(metric(Float32Array.of(1, 2), Uint8Array.of(0, 0)), null);
    assert.equal(metric(Float32Array.of(1, 2), Uint8Array.of(1, 1)), null);
    assert.equal(metric(new Float32Array(), new Uint8Array()), null);
  }
});

Deno.test("NaN and missing labels are refused", () => {
  assert.throws(() => auroc(Float32Array.of(1, NaN, 2), Uint8Array.of(0, 1, 1)), {
    name: "InputError",
    message: "Expected a number as every anomaly score, but found NaN at position 1",
  });
  assert.throws(() => auroc(Float32Array.of(1, -NaN), Uint8Array.of(0, 1)), InputError);
  assert.throws(() => auroc(Float32Array.of(1, 2, 3), Uint8Array.of(0, 1)), RangeError);
});

function assertClose(actual: number | null, expected: number): void {
  assert(actual !== null && Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);
}
