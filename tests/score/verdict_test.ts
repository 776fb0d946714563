/**
 * From scores to thresholds, labels and boxes.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { type Decision, readDecision, readThresholdRule, UNDECIDED } from "../../src/methods/decision.ts";
import { regionsOf } from "../../src/score/regions.ts";
import { decisionBy } from "../../src/score/threshold.ts";
import { decide } from "../../src/score/verdict.ts";

const heldOut = {
  scores: Float32Array.from({ length: 20 }, (_, i) => i),
  peaks: Float32Array.from({ length: 20 }, (_, i) => 10 * i),
};
const labelled = { scores: Float32Array.of(1, 2, 3, 4, 5, 6), labels: [0, 0, 0, 0, 1, 1], images: 6 };

Deno.test("rules are read, and nothing else", () => {
  deepEqual(readThresholdRule("quantile:0.95"), { from: "normal-quantile", at: 0.95 });
  deepEqual(readThresholdRule("fpr:.01"), { from: "fpr", at: 0.01 });
  deepEqual(readThresholdRule(-2.5), { from: "given", value: -2.5 });
  deepEqual([readThresholdRule("f1"), readThresholdRule("none")], [{ from: "f1" }, { from: "none" }]);
  for (const text of ["", "F1", "quantile", "quantile:", "quantile:1.5", "quantile:-1", "fpr:x", "3", NaN]) {
    equal(readThresholdRule(text), null, String(text));
  }
});

Deno.test("thresholds by every rule, each from what it needs", () => {
  const by = (threshold: string | number, pixel_threshold: string | number = "none") =>
    decisionBy({ threshold, pixel_threshold }, { heldOut, images: labelled, pixels: labelled });
  deepEqual(by("quantile:0.9", "quantile:1"), {
    image: { value: 17, from: "normal-quantile", at: 0.9, images: 20 },
    pixel: { value: 190, from: "normal-quantile", at: 1, images: 20 },
    spread: Math.sqrt(35), // of 0 … 19
  });
  deepEqual(by("f1").image, { value: 4.5, from: "f1", images: 6 });
  deepEqual(by("fpr:0.25", "fpr:0"), {
    image: { value: 3, from: "fpr", at: 0.25, images: 6 },
    pixel: { value: 4, from: "fpr", at: 0, images: 6 },
    spread: Math.sqrt(35),
  });
  deepEqual(by(7.5).image, { value: 7.5, from: "given", images: 0 });
  equal(by("none").image, null);
  for (const rule of ["quantile:0.9", "f1", "fpr:0.1"]) {
    deepEqual(decisionBy({ threshold: rule, pixel_threshold: rule }, { heldOut: null }), UNDECIDED);
  }
  throws(() => by("best"), /^InputError: Expected a threshold to be none, a number, .*, but found "best"$/);
});

Deno.test("labels, and scores between 0 and 1 with the threshold in the middle", () => {
  const decision: Decision = { image: { value: 3, from: "given", images: 0 }, pixel: null, spread: 2 };
  deepEqual(decide(decision, 3), { normalised: 0.5, label: "normal" });
  deepEqual(decide(decision, 5), { normalised: 1 / (1 + Math.exp(-1)), label: "anomalous" });
  deepEqual([decide(decision, -1e9).normalised, decide(decision, 1e9).normalised], [0, 1]);
  deepEqual(decide({ ...decision, spread: null }, 5), { normalised: null, label: "anomalous" });
  deepEqual(decide(UNDECIDED, 5), { normalised: null, label: null });
});

Deno.test("a decision in a file is read whole or refused", () => {
  const decision: Decision = {
    image: { value: 3, from: "fpr", at: 0.1, images: 4 },
    pixel: null,
    spread: 0.5,
  };
  deepEqual(readDecision(JSON.stringify(decision)), decision);
  for (
    const text of [
      "",
      "null",
      "{}",
      '{"image":3,"pixel":null,"spread":1}',
      '{"image":null,"pixel":null,"spread":0}',
    ]
  ) {
    equal(readDecision(text), null, text);
  }
});

Deno.test("regions: 8-connected, strictly above, in pixels of the image, the largest value first", () => {
  const rows = ["9.....", ".8...2", "......", "...5.."]; // a diagonal touches
  const data = Float32Array.from(rows.join(""), (c) => c === "." ? 0 : Number(c));
  const map = { width: 6, height: 4, data }, area = { x: 100, y: 10, width: 12, height: 12 };
  deepEqual(regionsOf(map, 2, area), [
    { x: 100, y: 10, width: 4, height: 6, area: 12, peak: 9 },
    { x: 106, y: 19, width: 2, height: 3, area: 6, peak: 5 },
  ]);
  deepEqual(regionsOf(map, 9, area), []);
  const tiny = regionsOf(map, 8, { x: 0, y: 0, width: 1, height: 1 }); // smaller than the map: never nothing
  deepEqual(tiny.map(({ width, height, area }) => [width, height, area]), [[1, 1, 1]]);
  ok(regionsOf(map, -1, area).length === 1);
});

Deno.test("of many regions those with the largest values are given, as many as are asked for", () => {
  const width = 60, height = 40, data = new Float32Array(width * height);
  const points = Array.from({ length: 600 }, (_, i) => ({ x: 2 * (i % 30), y: 2 * Math.floor(i / 30) }));
  points.forEach(({ x, y }, i) => data[y * width + x] = 1 + (i * 7) % 300); // each value twice
  const map = { width, height, data }, area = { x: 0, y: 0, width, height };
  const all = regionsOf(map, 0, area, Infinity);
  equal(all.length, 600);
  deepEqual(regionsOf(map, 0, area), all.slice(0, 100));
  deepEqual(regionsOf(map, 0, area, 3), all.slice(0, 3));
  deepEqual(regionsOf(map, 0, area, 0), []);
  deepEqual(all.map(({ peak }) => peak), Array.from({ length: 600 }, (_, i) => 300 - Math.floor(i / 2)));
  for (const { x, y, peak } of all) equal(data[y * width + x], peak);
});
