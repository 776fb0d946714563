/**
 * Masks at the size of the feature map: every cell that an anomalous pixel touches, and no other.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { mapWithin, maskCells } from "../../src/data/mask_cells.ts";

Deno.test("a cell is anomalous where one of its pixels is", () => {
  const mask = new Uint8Array(64);
  mask[0 * 8 + 7] = mask[5 * 8 + 2] = 1;
  deepEqual([...maskCells(mask, 8, 4, 2)], [0, 1, 0, 0, 1, 0, 0, 0]);
  deepEqual(maskCells(mask, 8, 8, 8), mask);
});

Deno.test("where cells and pixels don't line up, a pixel counts for all cells that it reaches into", () => {
  // Three cells over eight pixels: 0..3, 2..6, 5..8.
  const row = (x: number) => Uint8Array.from({ length: 64 }, (_, i) => i % 8 === x ? 1 : 0);
  const cells = Array.from({ length: 8 }, (_, x) => [...maskCells(row(x), 8, 1, 3)].join(""));
  deepEqual(cells, ["100", "100", "110", "010", "010", "011", "001", "001"]);
});

Deno.test("a map larger than the mask repeats its pixels", () => {
  deepEqual([...maskCells(Uint8Array.of(1, 0, 0, 0), 2, 4, 4)], [1, 1, 0, 0, 1, 1, ...new Array(10).fill(0)]);
});

Deno.test("maps and masks are made smaller alike, by their largest values; small ones stay as they are", () => {
  const map = { width: 4, height: 2, data: Float32Array.of(-4, -3, 0, 1, -2, -5, 3, 2) };
  deepEqual(mapWithin(map, 2), { width: 2, height: 1, data: Float32Array.of(-2, 3) });
  const mask = { width: 2, height: 4, data: Uint8Array.of(0, 0, 0, 255, 0, 0, 0, 0) };
  deepEqual(mapWithin(mask, 2), { width: 1, height: 2, data: Uint8Array.of(255, 0) });
  equal(mapWithin(map, 4), map);
});

Deno.test("no pixel is lost, whatever the sizes; an empty mask stays empty", () => {
  const side = fc.integer({ min: 1, max: 40 });
  fc.assert(fc.property(side, side, side, fc.nat(), (S, H, W, at) => {
    const mask = new Uint8Array(S * S), count = () => maskCells(mask, S, H, W).reduce((a, b) => a + b);
    equal(count(), 0);
    mask[at % mask.length] = 1;
    equal(count() > 0, true);
  }));
});
