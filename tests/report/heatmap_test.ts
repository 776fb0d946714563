import type { FloatMap } from "../../src/data/float_map.ts";
import assert from "node:assert/strict";
import type { Mask } from "../../src/data/image.ts";
import { InputError } from "../../src/errors.ts";
import { COLORMAP, COLORS } from "../../src/report/colormap.ts";
import { heatmap, RangeSample, sharedRange } from "../../src/report/heatmap.ts";
import { fill } from "../fill.ts";

const WIDTH = 6, HEIGHT = 5, GAP = 4;
const image = {
  width: WIDTH,
  height: HEIGHT,
  data: Uint8Array.from(fill("image", WIDTH * HEIGHT * 3, 0, 256)),
};

/** A panel's pixels, row by row. */
function panel(picture: { width: number; data: Uint8Array }, index: number): Uint8Array {
  const rows = Array.from({ length: HEIGHT }, (_, y) => {
    const start = (y * picture.width + index * (WIDTH + GAP)) * 3;
    return [...picture.data.subarray(start, start + WIDTH * 3)];
  });
  return Uint8Array.from(rows.flat());
}

Deno.test("the colour map grows lighter in even steps, from dark to light", () => {
  // Relative luminance (CIE Y); its cube root is close to evenly spaced where lightness is.
  const linear = (byte: number): number => {
    const v = byte / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  const lightness = Array.from({ length: COLORS }, (_, i) => {
    const [r, g, b] = [...COLORMAP.subarray(i * 3, i * 3 + 3)].map(linear);
    return 116 * Math.cbrt(0.2126 * r + 0.7152 * g + 0.0722 * b) - 16;
  });
  for (let i = 16; i < COLORS; i += 16) {
    const step = lightness[i] - lightness[i - 16];
    assert(step > 3 && step < 9, `entries ${i - 16} to ${i}: lightness rises by ${step}`);
  }
  assert(lightness[0] < 10 && lightness[COLORS - 1] > 90);
});

/** A map of the image's size. */
function filled(value: number): FloatMap {
  return { width: WIDTH, height: HEIGHT, data: new Float32Array(WIDTH * HEIGHT).fill(value) };
}

Deno.test("panels: the image as it is, clear where scores are low, strong where they are high", () => {
  const map = filled(1);
  map.data[0] = 5; // above the range
  map.data[1] = 0; // below it
  const picture = heatmap({ image, map, low: 1, high: 3 });
  assert.deepEqual([picture.width, picture.height], [3 * WIDTH + 2 * GAP, HEIGHT]);
  assert.deepEqual(panel(picture, 0), image.data);
  const [over, pure] = [panel(picture, 1), panel(picture, 2)];
  assert.deepEqual(over.subarray(3), image.data.subarray(3));
  assert.deepEqual(pure.subarray(0, 3), COLORMAP.subarray(-3));
  assert.deepEqual(pure.subarray(3, 6), COLORMAP.subarray(0, 3));
  for (let c = 0; c < 3; c++) assert(Math.abs(over[c] - pure[c]) <= 26, "a tenth of the image shows through");
});

Deno.test("the outline runs along the defect's border and leaves all else", () => {
  const rows = ["......", ".###..", ".###..", ".###..", "......"];
  const mask = { width: WIDTH, height: HEIGHT, data: Uint8Array.from(rows.join(""), (c) => +(c === "#")) };
  const map = filled(0);
  const drawn = panel(heatmap({ image, map, low: 0, high: 1, mask }), 3);
  const expected = [".rrr..", "rlllr.", "rl.lr.", "rlllr.", ".rrr.."].join("");
  for (let i = 0; i < expected.length; i++) {
    const color =
      { l: [0, 255, 140], r: [0, 0, 0], ".": [...image.data.subarray(i * 3, i * 3 + 3)] }[expected[i]];
    assert.deepEqual([...drawn.subarray(i * 3, i * 3 + 3)], color, `pixel ${i}`);
  }
});

Deno.test("a constant map and an empty mask give the plain image", () => {
  const mask = { width: WIDTH, height: HEIGHT, data: new Uint8Array(WIDTH * HEIGHT) };
  const map = filled(7);
  const picture = heatmap({ image, map, ...sharedRange(map.data), mask });
  for (const index of [0, 1, 3]) assert.deepEqual(panel(picture, index), image.data);
});

Deno.test("the shared range goes from the median to the 99.9 % quantile", () => {
  const scores = Float32Array.from({ length: 1001 }, (_, i) => (i * 10) % 1001);
  assert.deepEqual(sharedRange(scores), { low: 500, high: 999 });
  assert.throws(() => sharedRange(Float32Array.of(1, NaN)), InputError);
  assert.throws(() => sharedRange(new Float32Array()), InputError);
});

Deno.test("the range of maps that come one by one is that of all, or of evenly spaced values where they are many", () => {
  for (const [maps, size] of [[7, 11], [3, 2 ** 19 + 1]]) {
    const all = fill("range", maps * size), sample = new RangeSample(all.length);
    for (let i = 0; i < maps; i++) sample.add(all.subarray(i * size, (i + 1) * size));
    const stride = all.length > 2 ** 20 ? 2 : 1;
    assert.deepEqual(sample.range(), sharedRange(all.filter((_, i) => i % stride === 0)));
  }
});

Deno.test("a map of another size is brought to the image's", () => {
  const map = { width: 1, height: 1, data: Float32Array.of(5) };
  assert.deepEqual(
    heatmap({ image, map, low: 0, high: 9 }),
    heatmap({ image, map: filled(5), low: 0, high: 9 }),
  );
});

Deno.test("a mask of another size is brought to the image's", () => {
  const mask = { width: 1, height: 1, data: Uint8Array.of(1) };
  const whole = { width: WIDTH, height: HEIGHT, data: new Uint8Array(WIDTH * HEIGHT).fill(1) };
  const drawn = (mask: Mask) => heatmap({ image, map: filled(0), low: 0, high: 1, mask });
  assert.deepEqual(drawn(mask), drawn(whole));
});

Deno.test("what is above the threshold is outlined over the heat map, in another colour than the true defect", () => {
  const map = filled(0);
  map.data[2 * WIDTH + 2] = 5;
  const drawn = (threshold: number | null) => panel(heatmap({ image, map, low: 9, high: 10, threshold }), 1);
  assert.deepEqual(drawn(null), image.data);
  assert.deepEqual(drawn(5), image.data); // at the threshold is not above it
  const outlined = drawn(4.9),
    at = (x: number, y: number) => [...outlined.subarray((y * WIDTH + x) * 3).slice(0, 3)];
  assert.deepEqual(at(2, 2), [255, 255, 255]);
  for (const [x, y] of [[1, 2], [3, 2], [2, 1], [2, 3]]) assert.deepEqual(at(x, y), [0, 0, 0]);
});

Deno.test("a map of a part of the image leaves the rest clear", () => {
  const map = { width: 1, height: 1, data: Float32Array.of(5) },
    mask = { width: 1, height: 1, data: Uint8Array.of(1) };
  const area = { x: 2, y: 1, width: 3, height: 2 };
  const picture = heatmap({ image, map, area, low: 0, high: 5, threshold: 4, mask });
  const isIn = (i: number) => i % WIDTH >= 2 && i % WIDTH < 5 && i >= WIDTH && i < 3 * WIDTH;
  const colors = panel(picture, 2), truth = panel(picture, 3);
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const strongest = [...COLORMAP.subarray(-3)], weakest = [...COLORMAP.subarray(0, 3)];
    assert.deepEqual([...colors.subarray(3 * i, 3 * i + 3)], isIn(i) ? strongest : weakest, `pixel ${i}`);
    assert.equal(`${truth.subarray(3 * i, 3 * i + 3)}` === "0,255,140", isIn(i), `pixel ${i}`);
  }
  const beyond = { x: 4, y: -3, width: 99, height: 99 };
  assert.equal(heatmap({ image, map, area: beyond, low: 0, high: 5 }).height, HEIGHT);
});
