/**
 * What a report's script counts, filters and sorts.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { confusion } from "../../src/metrics/decision.ts";
import {
  binned,
  commonFolder,
  countsAt,
  firstThreshold,
  matching,
  ordered,
  verdictOf,
} from "../../src/report/client/decide.js";

type Case = { path: string; score: number; label: 0 | 1; kind: string | null };
const images: Case[] = [[1, 0], [2, 0], [6, 0], [9, 0], [4, 1], [3, 1], [7, 1]].map(([score, label]) => ({
  path: `${label ? "Crack" : "good"}/${score}.png`,
  score,
  label: label as 0 | 1,
  kind: label ? "crack" : null,
}));
const all = { text: "", verdict: "", label: "", kind: "" };
const scores = (some: readonly Case[]): number[] => some.map(({ score }) => score);

Deno.test("counts are those of the metrics, above the threshold and not at it", () => {
  for (const threshold of [-Infinity, 0.5, 3, 4, 6.5, 9]) {
    const labels = images.map(({ label }) => label);
    deepEqual(countsAt(images, threshold), confusion(Float32Array.from(scores(images)), labels, threshold));
  }
  equal(verdictOf(images[4], 4), "missed");
  equal(countsAt([], 0).f1, null);
});

Deno.test("mistakes come first: missed by rising, false alarms by falling score, then what is near the threshold", () => {
  deepEqual(scores(ordered(images, "mistakes", 5)), [3, 4, 9, 6, 7, 2, 1]);
  deepEqual(scores(ordered(images, "high", 5)), [9, 7, 6, 4, 3, 2, 1]);
  deepEqual(scores(ordered(images, "low", 5)), [1, 2, 3, 4, 6, 7, 9]);
  deepEqual(scores(ordered(images, "path", 5)), [3, 4, 7, 1, 2, 6, 9]);
});

Deno.test("filters hold together", () => {
  const found = (filter: object) => scores(matching(images, { ...all, ...filter }, 5));
  deepEqual(found({}), scores(images));
  deepEqual(found({ text: " CRACK/" }), [4, 3, 7]);
  deepEqual(found({ label: "0" }), [1, 2, 6, 9]);
  deepEqual(found({ kind: "crack", verdict: "missed" }), [4, 3]);
  deepEqual(found({ verdict: "wrong" }), [6, 9, 4, 3]);
  deepEqual(found({ verdict: "false alarm", kind: "crack" }), []);
});

Deno.test("bins hold every score once", () => {
  const { low, high, centres, normal, anomalous } = binned(images, 4);
  deepEqual([low, high, centres, normal, anomalous], [1, 9, [2, 4, 6, 8], [2, 0, 1, 1], [0, 2, 0, 1]]);
  const one = binned([{ score: 3, label: 1 }], 2);
  deepEqual([one.normal, one.anomalous, one.high > one.low], [[0, 0], [1, 0], true]);
});

Deno.test("a page begins with the model's threshold, or the best, or the highest score", () => {
  equal(firstThreshold({ threshold: 2, bestF1: 3, images }), 2);
  equal(firstThreshold({ threshold: null, bestF1: 3, images }), 3);
  equal(firstThreshold({ threshold: null, bestF1: null, images }), 9);
});

Deno.test("the folder that paths share ends with its slash", () => {
  equal(commonFolder([]), "");
  equal(commonFolder(["a.png"]), "");
  equal(commonFolder(["/d/t/good/1.png"]), "/d/t/good/");
  equal(commonFolder(["/d/t/good/1.png", "/d/t/gone/1.png"]), "/d/t/");
  equal(commonFolder(["a/1.png", "b/1.png"]), "");
  equal(commonFolder(["a\\b\\1.png", "a\\c\\1.png"]), "a\\");
});
