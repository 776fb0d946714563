import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { bestF1Threshold, confusion, quantileThreshold } from "../../src/metrics/decision.ts";
import { bestF1 } from "../../src/metrics/detection.ts";

/** Scores with many ties, and labels. */
const samples = fc.array(
  fc.record({ score: fc.constantFrom(-2.5, -1, -0, 0, 1, 1.5, 7, 1e-30), label: fc.nat(1) }),
  { minLength: 1, maxLength: 40 },
).map((list) => ({
  scores: Float32Array.from(list, ({ score }) => score),
  labels: Uint8Array.from(list, ({ label }) => label),
}));

Deno.test("counts and rates at a threshold; what lies on it is normal", () => {
  const scores = Float32Array.of(1, 2, 3, 4, 5), labels = [0, 1, 0, 1, 1];
  deepEqual(confusion(scores, labels, 2), {
    tp: 2,
    fp: 1,
    tn: 1,
    fn: 1,
    precision: 2 / 3,
    recall: 2 / 3,
    f1: 2 / 3,
    fpr: 1 / 2,
  });
  const { precision, recall, f1, fpr } = confusion(Float32Array.of(1), [0], 2);
  deepEqual([precision, recall, f1, fpr], [null, null, null, 0]);
});

Deno.test("at the threshold of the best F1 there is the best F1, with room on both sides", () => {
  fc.assert(fc.property(samples, ({ scores, labels }) => {
    const threshold = bestF1Threshold(scores, labels);
    equal(threshold === null, new Set(labels).size === 1);
    if (threshold === null) return;
    equal(confusion(scores, labels, threshold).f1, bestF1(scores, labels));
    ok(!scores.includes(threshold));
  }));
  equal(bestF1Threshold(Float32Array.of(1, 2, 4), [0, 0, 1]), 3);
});

Deno.test("a quantile's threshold leaves no more above it than asked for, and is the lowest score that does", () => {
  fc.assert(fc.property(samples, fc.nat(20), ({ scores }, twentieths) => {
    const rate = twentieths / 20, threshold = quantileThreshold(scores, rate), n = scores.length;
    const above = (value: number) => scores.filter((score) => score > value).length;
    ok(above(threshold) <= rate * n + 1e-9);
    const lower = scores.filter((score) => score < threshold);
    if (lower.length > 0) ok(above(lower.reduce((a, b) => Math.max(a, b))) > rate * n - 1 + 1e-9);
  }));
  const thirty = Float32Array.from({ length: 30 }, (_, i) => i);
  deepEqual([0.1, 0, 1].map((rate) => quantileThreshold(thirty, rate)), [26, 29, 0]);
});
