import assert from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { aupro } from "../../src/metrics/aupro.ts";
import { pixelMetrics } from "../../src/metrics/metrics.ts";

/** Ten normal pixels and two defects, of one pixel and of two, in one row. */
const mask = Uint8Array.of(1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0);

Deno.test("a small defect weighs as much as a large one; the last step is interpolated", () => {
  // The large defect first, then two normal pixels, the small defect and two normal pixels (a tie), the rest.
  const map = Float32Array.of(5, 7, 7, 5, 5, 1, 9, 9, 1, 1, 1, 1, 1);
  // Points (FPR, overlap): (0, 0), (0, 1/2), (0.2, 1/2), (0.4, 1), (1, 1).
  close(aupro(map, mask, 1, 13, 1), (0.2 * 0.5 + 0.1 * (0.5 + 0.75) / 2) / 0.3);
  close(aupro(map, mask, 1, 13, 1, 0.4), (0.2 * 0.5 + 0.2 * 0.75) / 0.4);
  close(aupro(map, mask, 1, 13, 1, 1), 0.2 * 0.5 + 0.2 * 0.75 + 0.6);
});

Deno.test("a constant map gives the diagonal, perfect maps 1, worst maps 0", () => {
  close(aupro(new Float32Array(13), mask, 1, 13, 1), 0.15);
  assert.equal(aupro(Float32Array.from(mask), mask, 1, 13, 1), 1);
  assert.equal(aupro(Float32Array.from(mask, (m) => -m), mask, 1, 13, 1), 0);
});

Deno.test("regions end at the borders of their image", () => {
  const masks = Uint8Array.of(0, 0, 0, 1, 1, 0, 0, 0); // two images of 2 × 2, a defect in a corner of each
  const maps = Float32Array.of(0, 0, 0, 9, 0, 0, 0, 0);
  close(aupro(maps, masks, 2, 2, 2), 0.5 + 0.5 * 0.15);
  // As one image of 4 rows it is one defect of two pixels, half of it found: the same here, not with a third pixel.
  const three = Uint8Array.of(0, 1, 0, 1, 1, 0, 0, 0);
  close(aupro(maps, three, 2, 2, 2), 0.25 + 0.75 * 0.15);
  close(aupro(maps, three, 1, 2, 4), 1 / 3 + 2 / 3 * 0.15);
});

Deno.test("only the order of the scores matters, and the order of the images does not", () => {
  const stack = fc.tuple(
    fc.array(fc.constantFrom(-3, -0, 0, 1, 2, 5), { minLength: 40, maxLength: 40 }),
    fc.uint8Array({ minLength: 40, maxLength: 40, max: 1 }),
  );
  fc.assert(fc.property(stack, ([scores, masks]) => {
    const maps = Float32Array.from(scores);
    const before = pixelMetrics(maps, masks, 2, 4, 5);
    assert.deepEqual(pixelMetrics(maps.map((s) => Math.exp(s) / 8 - 1), masks, 2, 4, 5), before);
    const turned = <T extends Float32Array | Uint8Array>(a: T): T => {
      const b = a.slice() as T;
      b.set(a.subarray(20));
      b.set(a.subarray(0, 20), 20);
      return b;
    };
    const after = pixelMetrics(turned(maps), turned(masks), 2, 4, 5);
    assert.equal(after.pixel_auroc, before.pixel_auroc);
    if (before.aupro !== null) close(after.aupro, before.aupro);
    else assert.equal(after.aupro, null);
  }));
});

Deno.test("without anomalous or without normal pixels there are no pixel metrics", () => {
  const none = { pixel_auroc: null, pixel_ap: null, aupro: null };
  assert.deepEqual(pixelMetrics(new Float32Array(8), new Uint8Array(8), 2, 2, 2), none);
  assert.deepEqual(pixelMetrics(new Float32Array(8), new Uint8Array(8).fill(1), 2, 2, 2), none);
  assert.deepEqual(pixelMetrics(new Float32Array(), new Uint8Array(), 0, 2, 2), none);
});

Deno.test("sizes that don't agree and limits outside (0, 1] are refused", () => {
  assert.throws(() => aupro(new Float32Array(12), new Uint8Array(13), 1, 13, 1), RangeError);
  assert.throws(() => aupro(new Float32Array(13), mask, 2, 13, 1), RangeError);
  assert.throws(() => aupro(new Float32Array(13), mask, 1, 13, 1, 0), RangeError);
  assert.throws(() => aupro(new Float32Array(13), mask, 1, 13, 1, 1.5), RangeError);
});

function close(actual: number | null, expected: number): void {
  assert(actual !== null && Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);
}
