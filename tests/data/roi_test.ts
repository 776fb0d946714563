/**
 * Regions of interest as texts, and where they lie in images of any size.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { boundsOf, describeRoi, readRoi, roiOfMask } from "../../src/data/roi.ts";

const size = { width: 200, height: 100 };
const bounds = (text: string, image = size): number[] => {
  const { x, y, width, height } = boundsOf(readRoi(text)!, image, "a.png");
  return [x, y, width, height];
};

Deno.test("none is all of an image", () => {
  equal(readRoi("none"), null);
  deepEqual(boundsOf(null, size, "a.png"), { x: 0, y: 0, ...size });
});

Deno.test("a rectangle is in pixels, or in percent of images of any size", () => {
  deepEqual(bounds("10,20,30,40"), [10, 20, 30, 40]);
  deepEqual(bounds("10%, 20%, 30%, 40%"), [20, 20, 60, 40]);
  deepEqual(bounds("10%,20%,30%,40%", { width: 50, height: 50 }), [5, 10, 15, 20]);
  deepEqual(bounds("12.5%,0,50%,100%"), [25, 0, 100, 100]);
  deepEqual(bounds("10,0%,50%,30"), [10, 0, 100, 30]);
  deepEqual(bounds("99.9%,99.9%,0.1%,0.1%"), [199, 99, 1, 1]); // never nothing
});

Deno.test("a rectangle of pixels that an image does not have is refused by the image's name", () => {
  for (const text of ["150,0,60,50", "0,60,10,41", "300,0,1,1", "150,0,50%,10%"]) {
    throws(() => boundsOf(readRoi(text)!, size, "a.png"), {
      name: "InputError",
      message: /Expected a region of interest within a\.png, 200×100 pixels, but found one from/,
    });
  }
});

Deno.test("what is no region is told apart", () => {
  const wrong = [
    "",
    "all",
    "1,2,3",
    "1,2,3,4,5",
    "1,2,0,4",
    "1,2,3,0%",
    "-1,0,5,5",
    "1.5,0,5,5",
    "50%,0%,60%,10%",
    "100%,0,1,1",
    "0%,0%,101%,5%",
    "mask.png",
    "mask 2x2: 4",
    "mask 2x2: 1,2",
    "mask 2x2: 1,9",
    "mask 0x0: 0",
    "mask 2x2: 1,,3",
    "mask 99999x99999: 0,9999800001",
  ];
  for (const text of wrong) equal(readRoi(text), undefined, text);
});

Deno.test("a mask goes into a text and back, and is laid over images of any size", () => {
  const data = Uint8Array.from(
    { length: 8 * 4 },
    (_, i) => i % 8 >= 2 && i % 8 < 5 && i >= 8 && i < 24 ? 1 : 0,
  );
  const text = roiOfMask({ width: 8, height: 4, data }), roi = readRoi(text);
  ok(roi && "mask" in roi);
  deepEqual(roi.mask, { width: 8, height: 4, data });
  deepEqual(bounds(text, { width: 8, height: 4 }), [2, 1, 3, 2]);
  deepEqual(bounds(text, { width: 80, height: 40 }), [20, 10, 30, 20]);
  deepEqual(bounds(text, { width: 9, height: 5 }), [2, 1, 4, 3]); // what it touches
  equal(describeRoi(text), "mask 8x4");
  equal(describeRoi("1,2,3,4"), "1,2,3,4");
});

Deno.test("a mask that reaches the edges reaches those of images of any size, and no further", () => {
  const whole = (side: number) => roiOfMask({ width: side, height: 1, data: new Uint8Array(side).fill(1) });
  for (const [side, width] of [[900, 3024], [900, 4032], [700, 900], [700, 1111]]) {
    deepEqual(bounds(whole(side), { width, height: 5 }), [0, 0, width, 5]);
  }
  for (let side = 1; side <= 1000; side += 37) {
    const data = new Uint8Array(side).fill(1, side >> 1),
      roi = readRoi(roiOfMask({ width: side, height: 1, data }))!;
    for (let width = 1; width <= 3000; width += 13) {
      const { x, width: wide } = boundsOf(roi, { width, height: 1 }, "a.png");
      equal(x + wide, width);
      ok(x * side <= (side >> 1) * width && (x + 1) * side > (side >> 1) * width); // the pixel that its edge lies in
    }
  }
});

Deno.test("masks of one pixel, all pixels and no pixel", () => {
  for (const at of [0, 5, 11]) {
    const data = new Uint8Array(12),
      roi = readRoi(roiOfMask({ width: 4, height: 3, data: data.fill(1, at, at + 1) }));
    ok(roi && "mask" in roi);
    deepEqual(roi.mask.data, data);
  }
  const all = readRoi(roiOfMask({ width: 4, height: 3, data: new Uint8Array(12).fill(1) }));
  ok(all && "mask" in all && all.mask.data.every((on) => on === 1));
  throws(() => roiOfMask({ width: 4, height: 3, data: new Uint8Array(12) }, "m.png"), {
    name: "InputError",
    message: "Expected m.png to be white where images are looked at, but found it all black",
  });
});
