import assert from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import { label8 } from "../../src/metrics/components.ts";

/** A mask from rows of characters, # being inside, and the labels that are expected as rows of digits. */
function check(picture: string[], expected: string[]): void {
  const mask = Uint8Array.from(picture.join(""), (c) => +(c === "#"));
  const { labels } = label8(mask, picture[0].length, picture.length);
  assert.equal([...labels].join(""), expected.join(""));
}

Deno.test("diagonal neighbours are one region, in both directions", () => {
  check(["#..#", ".##.", "#..#"], ["1001", "0110", "1001"]);
});

Deno.test("regions are numbered in the order of their first pixels, also where branches meet late", () => {
  check(["..#.#", "#.#.#", "#...#", "#.###"], ["00102", "30102", "30002", "30222"]);
  check(["#.#.#", "#.#.#", "#####"], ["10101", "10101", "11111"]);
});

Deno.test("rows do not wrap around at the borders", () => {
  check(["..#", "#..", "..#"], ["001", "200", "003"]);
});

Deno.test("any mask: a region is what a flood fill reaches", () => {
  const masks = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([w, h]) =>
    fc.tuple(fc.constant(w), fc.uint8Array({ minLength: w * h, maxLength: w * h, max: 1 }))
  );
  fc.assert(fc.property(masks, ([width, mask]) => {
    const height = mask.length / width;
    const expected = new Uint32Array(mask.length), sizes = [mask.filter((m) => m === 0).length];
    for (let start = 0; start < mask.length; start++) {
      if (mask[start] === 0 || expected[start] > 0) continue;
      const label = sizes.push(0) - 1, queue = [start];
      expected[start] = label;
      for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
        sizes[label]++;
        for (let i = 0; i < mask.length; i++) {
          const dx = Math.abs(i % width - at % width);
          const dy = Math.abs(Math.floor(i / width) - Math.floor(at / width));
          if (Math.max(dx, dy) !== 1 || mask[i] === 0 || expected[i] > 0) continue;
          expected[i] = label;
          queue.push(i);
        }
      }
    }
    assert.deepEqual(label8(mask, width, height), { labels: expected, sizes: Uint32Array.from(sizes) });
  }));
});

Deno.test("an empty mask has no regions; a mask of another size is refused", () => {
  assert.deepEqual(label8(new Uint8Array(4), 2, 2).sizes, Uint32Array.of(4));
  assert.throws(() => label8(new Uint8Array(5), 2, 2), RangeError);
});
