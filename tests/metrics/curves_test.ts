/**
 * Curves: by hand on few samples, and by the areas that the metrics have on many.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { findRegions, rankedAupro, tracePro } from "../../src/metrics/aupro.ts";
import { type Curve, precisionRecallCurve, rocCurve, tracedCurve } from "../../src/metrics/curves.ts";
import { rankedAuroc, rankedAveragePrecision } from "../../src/metrics/detection.ts";
import { rank, type Ranking } from "../../src/metrics/ranking.ts";
import { fill } from "../fill.ts";

/** By trapezoids. */
function area({ x, y }: Curve): number {
  return x.slice(1).reduce((sum, at, i) => sum + (at - x[i]) * (y[i] + y[i + 1]) / 2, 0);
}

function proCurve(ranking: Ranking, sizes: number[]): Curve | null {
  return tracedCurve((visit) => tracePro(ranking, sizes, 0.3, visit));
}

Deno.test("few samples give the points that a hand finds", () => {
  const ranking = rank(Float32Array.of(4, 3, 3, 1), [1, 1, 0, 0]); // two of one score are one step
  deepEqual(rocCurve(ranking), { x: [0, 0, 0.5, 1], y: [0, 0.5, 1, 1] });
  deepEqual(precisionRecallCurve(ranking), { x: [0, 0.5, 1, 1], y: [1, 1, 2 / 3, 0.5] });
});

Deno.test("one class has no curve", () => {
  for (const labels of [[0, 0], [1, 1]]) {
    const ranking = rank(Float32Array.of(1, 2), labels);
    equal(rocCurve(ranking), null);
    equal(precisionRecallCurve(ranking), null);
    equal(proCurve(ranking, labels[0] ? [0, 2] : [0]), null);
  }
  equal(rocCurve(rank(new Float32Array(), [])), null);
});

Deno.test("many samples give some hundreds of points, under which the metrics' areas lie", () => {
  const n = 4, side = 96, masks = new Uint8Array(n * side * side);
  for (let i = 0; i < n; i++) {
    for (let y = 20; y < 30 + 9 * i; y++) {
      masks.fill(1, (i * side + y) * side + 40, (i * side + y) * side + 60);
    }
    masks.fill(1, (i * side + 2) * side, (i * side + 2) * side + 3 + i);
  }
  const maps = fill("maps", masks.length).map((v, i) => v + 1.2 * masks[i]);
  const { tags, sizes } = findRegions(masks, n, side, side), ranking = rank(maps, tags);
  const roc = rocCurve(ranking)!, pr = precisionRecallCurve(ranking)!, pro = proCurve(ranking, sizes)!;
  for (
    const [curve, wanted, end] of [
      [roc, rankedAuroc(ranking)!, 1],
      [pr, rankedAveragePrecision(ranking)!, 1],
      [pro, 0.3 * rankedAupro(ranking, sizes)!, 0.3],
    ] as const
  ) {
    ok(curve.x.length > 50 && curve.x.length < 700, `${curve.x.length} points`);
    ok(Math.abs(area(curve) - wanted) < 0.002, `${area(curve)} and not ${wanted}`);
    deepEqual([curve.x[0], curve.x.at(-1)], [0, end]);
    deepEqual(curve.x, curve.x.toSorted((a, b) => a - b));
  }
});
