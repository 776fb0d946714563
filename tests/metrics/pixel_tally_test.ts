/**
 * Counts of pixels against the metrics of the pixels themselves.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { bestF1Threshold, confusion, quantileThreshold } from "../../src/metrics/decision.ts";
import { pixelMetrics } from "../../src/metrics/metrics.ts";
import { PixelTally } from "../../src/metrics/pixel_tally.ts";
import { Random } from "../../src/hash.ts";

const W = 24, H = 20, N = 6;
const random = new Random(7, "tally");
const masks = Array.from(
  { length: N },
  (_, n) =>
    Uint8Array.from(
      { length: W * H },
      (_, i) => n % 2 === 1 && (i % W > 15 && i < 8 * W || i === 400 + n) ? 1 : 0,
    ),
);
const maps = masks.map((mask) => Float32Array.from(mask, (on) => on * 0.8 + random.uniform() ** 2 * 3 - 0.2));
const tallied = (
  maps: readonly Float32Array<ArrayBuffer>[],
  insides: (Uint8Array | null)[] = [],
): PixelTally => {
  const tally = new PixelTally();
  maps.forEach((map, i) =>
    tally.add({ width: W, height: H, map, mask: masks[i], inside: insides[i] ?? null })
  );
  return tally;
};
const flat = <T extends Uint8Array | Float32Array>(parts: T[], out: T): T => {
  parts.forEach((part, i) => out.set(part, i * W * H));
  return out;
};
const allMaps = flat<Float32Array>(maps, new Float32Array(N * W * H)),
  allMasks = flat<Uint8Array>(masks, new Uint8Array(N * W * H));

Deno.test("metrics are those of the pixels, to a thousandth", () => {
  const exact = pixelMetrics(allMaps, allMasks, N, W, H), found = tallied(maps).metrics();
  for (const name of ["pixel_auroc", "pixel_ap", "aupro"] as const) {
    ok(Math.abs(found[name]! - exact[name]!) < 1e-3, `${name}: ${found[name]} and ${exact[name]}`);
    ok(exact[name]! > 0.1 && exact[name]! < 0.99);
  }
});

Deno.test("where scores differ by more than a bin, they are the same to the last bits", () => {
  const coarse = maps.map((map) => map.map((v) => Math.round(v * 8) / 8)),
    all = flat<Float32Array>(coarse, new Float32Array(N * W * H));
  const tally = tallied(coarse), exact = pixelMetrics(all, allMasks, N, W, H), found = tally.metrics();
  for (const name of ["pixel_auroc", "pixel_ap", "aupro"] as const) {
    ok(Math.abs(found[name]! - exact[name]!) < 1e-12);
  }
  for (const at of [-1, -0.125, 0, 0.5, 0.99, 2, 100]) {
    deepEqual(tally.confusion(at + 0.01), confusion(all, allMasks, at + 0.01));
  }
  const normal = all.filter((_, i) => allMasks[i] === 0);
  for (const rate of [0, 0.01, 0.2, 1]) {
    const value = tally.normalQuantile(rate)!, wanted = quantileThreshold(normal, rate);
    ok(value >= wanted && value < wanted + 0.01, `${rate}: ${value} and ${wanted}`);
    deepEqual(tally.confusion(value), confusion(all, allMasks, wanted));
  }
  const best = bestF1Threshold(all, allMasks)!;
  deepEqual(tally.confusion(tally.bestF1Threshold()!), confusion(all, allMasks, best));
  deepEqual(confusion(all, allMasks, tally.bestF1Threshold()!), confusion(all, allMasks, best));
});

Deno.test("where all maps are 0, the best F1 is of calling everything anomalous", () => {
  const tally = new PixelTally(), map = new Float32Array(4), mask = Uint8Array.of(1, 1, 1, 0);
  tally.add({ width: 2, height: 2, map, mask, inside: null });
  const threshold = tally.bestF1Threshold()!;
  ok(threshold < 0 && Math.fround(threshold) === threshold);
  deepEqual(tally.confusion(threshold), confusion(map, mask, threshold));
  equal(tally.confusion(threshold).tp, 3);
});

Deno.test("a sum of tallies is the tally of all", () => {
  const parts = [0, 1].map((odd) => {
    const tally = new PixelTally();
    maps.forEach((map, i) => {
      if (i % 2 === odd) tally.add({ width: W, height: H, map, mask: masks[i], inside: null });
    });
    return tally;
  });
  const all = tallied(maps), sum = PixelTally.sum(parts);
  for (const [name, value] of Object.entries(all.metrics())) {
    ok(Math.abs(sum.metrics()[name as "aupro"]! - value!) < 1e-12);
  }
  equal(sum.images, N);
});

Deno.test("pixels that don't count change nothing", () => {
  const insides = masks.map(() => Uint8Array.from({ length: W * H }, (_, i) => i % W > 3 ? 1 : 0));
  const other = maps.map((map) => map.map((v, i) => i % W > 3 ? v : 1e6));
  deepEqual(tallied(other, insides).metrics(), tallied(maps, insides).metrics());
});

Deno.test("maps may have any sizes, and lie anywhere in a buffer", () => {
  const buffer = Float32Array.from({ length: 20 }, (_, i) => i), tally = new PixelTally();
  tally.add({
    width: 3,
    height: 2,
    map: buffer.subarray(4, 10),
    mask: Uint8Array.of(0, 0, 0, 0, 1, 1),
    inside: null,
  });
  tally.add({ width: 2, height: 5, map: buffer.subarray(10), mask: new Uint8Array(10), inside: null });
  deepEqual(tally.confusion(7.9), {
    tp: 2,
    fp: 10,
    tn: 4,
    fn: 0,
    precision: 2 / 12,
    recall: 1,
    f1: 4 / 14,
    fpr: 10 / 14,
  });
});

Deno.test("one class only has no metrics; NaN is refused", () => {
  const tally = new PixelTally(), mask = new Uint8Array(4);
  tally.add({ width: 2, height: 2, map: Float32Array.of(0, -0, -1, 1), mask, inside: null });
  deepEqual(tally.metrics(), { pixel_auroc: null, pixel_ap: null, aupro: null });
  equal(tally.bestF1Threshold(), null);
  equal(new PixelTally().normalQuantile(0.1), null);
  throws(() => tally.add({ width: 2, height: 2, map: new Float32Array(4).fill(NaN), mask, inside: null }), {
    name: "InputError",
  });
});
