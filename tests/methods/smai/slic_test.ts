/**
 * Superpixels: those of NumPy (tests/golden/slic.py, by tests/golden/smai.py), and what any must be.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { float32Of } from "../../../src/formats/tensor_file.ts";
import { readSafetensors } from "../../../src/host/tensor_files.ts";
import { slic } from "../../../src/methods/smai/slic.ts";
import { fill } from "../../fill.ts";

/** How many pieces of one label there are in all. */
function countPieces(labels: Uint32Array, S: number): number {
  const seen = new Set<number>();
  let pieces = 0;
  for (let first = 0; first < S * S; first++) {
    if (seen.has(first)) continue;
    pieces++;
    const open = [first];
    seen.add(first);
    for (let p = open.pop(); p !== undefined; p = open.pop()) {
      const beside = [p - S, p + S, ...(p % S > 0 ? [p - 1] : []), ...(p % S < S - 1 ? [p + 1] : [])];
      for (const q of beside) {
        if (q < 0 || q >= S * S || seen.has(q) || labels[q] !== labels[p]) continue;
        seen.add(q);
        open.push(q);
      }
    }
  }
  return pieces;
}

Deno.test("superpixels of noise are NumPy's, each is one piece, and they are the same again", async () => {
  const S = 32, grid = 5, count = 3, images = fill("test images", count * S * S * 3, 0, 1);
  const { tensors } = await readSafetensors(
    new URL("../../golden/smai.safetensors", import.meta.url).pathname,
  );
  const wanted = float32Of(tensors.get("superpixels")!);
  for (let i = 0; i < count; i++) {
    const image = images.slice(i * S * S * 3, (i + 1) * S * S * 3), found = slic(image, S, grid);
    deepEqual([...found], [...wanted.subarray(i * S * S, (i + 1) * S * S)]);
    equal(countPieces(found, S), new Set(found).size);
    deepEqual(slic(image, S, grid), found);
  }
});

Deno.test("superpixels keep to the border of a shape, and are a grid where there is none", () => {
  const S = 24, grid = 4, inside = (p: number) => Math.hypot(Math.floor(p / S) - 11, p % S - 10) < 7;
  const image = Float32Array.from({ length: S * S * 3 }, (_, i) => inside(Math.floor(i / 3)) ? 0.9 : 0.1);
  const found = slic(image, S, grid), sides = new Map<number, boolean>();
  found.forEach((k, p) => {
    ok((sides.get(k) ?? inside(p)) === inside(p), `superpixel ${k} lies on both sides`);
    sides.set(k, inside(p));
  });
  ok(new Set(sides.values()).size === 2 && sides.size <= grid ** 2);

  const flat = slic(new Float32Array(S * S * 3).fill(0.5), S, grid);
  equal(new Set(flat).size, grid ** 2);
  flat.forEach((k, p) => {
    const [y, x] = [Math.floor(k / grid), k % grid].map((at) => (at + 0.5) * S / grid - 0.5);
    ok(Math.abs(Math.floor(p / S) - y) <= S / grid && Math.abs(p % S - x) <= S / grid);
  });
});

Deno.test("one superpixel is the whole image, and each pixel can be one", () => {
  const S = 6, image = fill("small", S * S * 3, 0, 1);
  deepEqual(new Set(slic(image, S, 1)), new Set([0]));
  const each = slic(image, S, S);
  equal(countPieces(each, S), new Set(each).size);
});
