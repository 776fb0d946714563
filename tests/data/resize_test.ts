/**
 * Resizing against Pillow's own outputs (tests/golden/resize.py), byte for byte.
 *
 * @module
 */
import { deepEqual, equal, notEqual, ok } from "node:assert/strict";
import fc from "npm:fast-check@^4.10.2";
import {
  resizeBilinear,
  resizeImage,
  resizeMask,
  resizeNearest,
  sidesWithin,
} from "../../src/data/resize.ts";
import { readSafetensors } from "../../src/host/tensor_files.ts";
import { fill } from "../fill.ts";

const { tensors } = await readSafetensors(new URL("../golden/resize.safetensors", import.meta.url).pathname);
/** Of large outputs every 7th byte is stored. */
const EVERY = 7, LARGE = 3000;

for (const [name, { bytes }] of tensors) {
  Deno.test(`Pillow's ${name}`, () => {
    const [how, size, side] = name.split("."),
      [width, height] = size.split("x").map(Number),
      S = Number(side);
    const data = how === "bilinear"
      ? Uint8Array.from(fill(`image.${size}.${S}`, 3 * width * height, 0, 256))
      : Uint8Array.from(fill(`mask.${size}.${S}`, width * height, 0, 1), (v) => v < 0.5 ? 1 : 0);
    const resized = (how === "bilinear" ? resizeBilinear : resizeNearest)({ width, height, data }, S);
    const thin = resized.length > LARGE ? resized.filter((_, i) => i % EVERY === 0) : resized;
    deepEqual(thin, Uint8Array.from(bytes));
  });
}

Deno.test("an image of one colour keeps it, and no byte leaves the range of its input", () => {
  const side = fc.integer({ min: 8, max: 70 });
  fc.assert(fc.property(side, side, side, fc.nat(255), fc.nat(255), (width, height, S, a, b) => {
    const flat = { width, height, data: new Uint8Array(3 * width * height).fill(a) };
    ok(resizeBilinear(flat, S).every((v) => v === a));
    const mixed = { ...flat, data: flat.data.map((v, i) => i % 5 === 0 ? b : v) };
    ok(resizeBilinear(mixed, S).every((v) => v >= Math.min(a, b) && v <= Math.max(a, b)));
  }));
});

Deno.test("a resized image shares no memory with its input", () => {
  const image = { width: 8, height: 8, data: new Uint8Array(192).fill(1) };
  const same = resizeBilinear(image, 8);
  deepEqual(same, image.data);
  notEqual(same.buffer, image.data.buffer);
  image.data.fill(2);
  equal(same[0], 1);
});

Deno.test("a mask keeps its values, and its halves where they were", () => {
  const width = 30, height = 20, data = Uint8Array.from({ length: 600 }, (_, i) => i % width < 15 ? 1 : 0);
  const S = 10, small = resizeNearest({ width, height, data }, S);
  small.forEach((on, i) => equal(on, i % S < 5 ? 1 : 0));
});

Deno.test("each axis is resized by itself", () => {
  const image = { width: 20, height: 12, data: Uint8Array.from(fill("axes", 720, 0, 256)) };
  const square = resizeBilinear(image, 9), wide = resizeImage(image, 9, 12);
  deepEqual(resizeImage(wide, 9, 9).data, square);
  equal(resizeImage(image, 20, 12).data, image.data);
  const mask = { width: 2, height: 1, data: Uint8Array.of(0, 1) };
  deepEqual(resizeMask(mask, 4, 2), { width: 4, height: 2, data: Uint8Array.of(0, 0, 1, 1, 0, 0, 1, 1) });
});

Deno.test("sides keep their proportion, the longer one within bounds", () => {
  const sides = (width: number, height: number) => Object.values(sidesWithin({ width, height }, 64, 256));
  deepEqual(sides(100, 50), [100, 50]);
  deepEqual(sides(1024, 512), [256, 128]);
  deepEqual(sides(16, 32), [32, 64]);
  deepEqual(sides(4096, 1), [256, 1]);
});
