/**
 * How images are looked at: what pieces have of an image, what maps have of it, and that masks go the same way.
 *
 * @module
 */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  cropImage,
  cutImage,
  cutMask,
  type Frame,
  frameOf,
  type FrameSettings,
  framingOf,
  insideOf,
  maskOf,
  partOfMap,
  pieceKey,
  STRETCH,
} from "../../src/data/frame.ts";
import type { Image, Mask } from "../../src/data/image.ts";
import { resizeBilinear, resizeNearest } from "../../src/data/resize.ts";
import { roiOfMask } from "../../src/data/roi.ts";

const S = 16;

function framed(width: number, height: number, settings: Partial<FrameSettings> = {}, side = S): Frame {
  const all = { fit: "stretch", roi: "none", tiles: 0, overlap: 0, ...settings } as const;
  return frameOf({ width, height }, side, framingOf(all), "a.png");
}

/** An image whose red is its column and whose green its row. */
function numbered(width: number, height: number): Image {
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return [pixel % width, Math.floor(pixel / width), 7][i % 3];
  });
  return { width, height, data };
}

const redsOf = (piece: Uint8Array, row: number, side = S): number[] =>
  Array.from({ length: side }, (_, x) => piece[3 * (row * side + x)]);

Deno.test("stretch: the whole image, resized as ever, under the same key", () => {
  const image = numbered(40, 24),
    mask: Mask = { width: 40, height: 24, data: new Uint8Array(960).fill(1, 0, 500) };
  const frame = frameOf(image, S, STRETCH, "a.png"), [piece] = frame.pieces;
  deepEqual(cutImage(image, frame, piece), resizeBilinear(image, S));
  deepEqual(maskOf(mask, frame), resizeNearest(mask, S));
  deepEqual(cutMask(mask, frame, piece), resizeNearest(mask, S));
  equal(insideOf(frame, piece), null);
  equal(pieceKey(frame, piece), null);
  deepEqual([frame.area, frame.map], [{ x: 0, y: 0, width: 40, height: 24 }, { width: S, height: S }]);
  const map = new Float32Array(S * S);
  equal(partOfMap(map, S, piece).data, map);
});

Deno.test("a piece of the size that it has in the image is no copy of the image's own bytes", () => {
  const image = numbered(S, S), frame = frameOf(image, S, STRETCH, "a.png"), before = image.data.slice();
  cutImage(image, frame, frame.pieces[0]).fill(0);
  deepEqual(image.data, before);
});

Deno.test("crop: the square in the middle, of a wide and of a high image", () => {
  for (const [width, height, x, y] of [[40, 24, 8, 0], [24, 41, 0, 8]]) {
    const image = numbered(width, height),
      frame = framed(width, height, { fit: "crop" }, 24),
      [piece] = frame.pieces;
    deepEqual(frame.area, { x, y, width: 24, height: 24 });
    deepEqual(cutImage(image, frame, piece), cropImage(image, frame.area).data);
    equal(insideOf(frame, piece), null);
    ok(pieceKey(frame, piece) !== null);
  }
});

Deno.test("pad: the aspect ratio is kept, edges are repeated, and the map is of the image alone", () => {
  const image = numbered(32, 16), frame = framed(32, 16, { fit: "pad" }, 32), [piece] = frame.pieces;
  deepEqual(frame.area, { x: 0, y: 0, width: 32, height: 16 });
  deepEqual(frame.map, { width: 32, height: 16 });
  const cut = cutImage(image, frame, piece), rows = Array.from({ length: 32 }, (_, y) => cut[3 * 32 * y + 1]);
  deepEqual(rows, Array.from({ length: 32 }, (_, y) => Math.min(Math.max(y - 8, 0), 15)));
  deepEqual(redsOf(cut, 0, 32), Array.from({ length: 32 }, (_, x) => x));
  const inside = insideOf(frame, piece)!;
  equal(inside.reduce((a, b) => a + b), 32 * 16);
  deepEqual([inside[7 * 32], inside[8 * 32], inside[23 * 32 + 31], inside[24 * 32]], [0, 1, 1, 0]);
  const map = Float32Array.from({ length: 32 * 32 }, (_, i) => i);
  const part = partOfMap(map, 32, piece);
  deepEqual([part.width, part.height, part.data[0], part.data.at(-1)], [32, 16, 8 * 32, 24 * 32 - 1]);
});

Deno.test("pad: an axis never vanishes, and a square image is as stretched", () => {
  const thin = framed(2000, 8, { fit: "pad" });
  deepEqual(thin.map, { width: S, height: 1 });
  equal(
    cutImage(numbered(200, 8), framed(200, 8, { fit: "pad" }), framed(200, 8, { fit: "pad" }).pieces[0])
      .length,
    768,
  );
  const square = framed(20, 20, { fit: "pad" });
  equal(pieceKey(square, square.pieces[0]), null);
});

Deno.test("a region of interest is all that is looked at, with each fit", () => {
  const image = numbered(60, 40), roi = "10,5,32,16";
  const stretched = framed(60, 40, { roi }, 32);
  deepEqual(stretched.area, { x: 10, y: 5, width: 32, height: 16 });
  deepEqual(
    cutImage(image, stretched, stretched.pieces[0]),
    resizeBilinear(cropImage(image, stretched.area), 32),
  );
  deepEqual(framed(60, 40, { roi, fit: "crop" }).area, { x: 18, y: 5, width: 16, height: 16 });
  const padded = framed(60, 40, { roi, fit: "pad" }, 32);
  deepEqual([padded.area, padded.map], [stretched.area, { width: 32, height: 16 }]);
  deepEqual(
    redsOf(cutImage(image, padded, padded.pieces[0]), 31, 32),
    Array.from({ length: 32 }, (_, x) => x + 10),
  );
});

Deno.test("masks follow their images: a spot is where it is in the image, whatever the geometry", () => {
  const width = 64, height = 40, spot = { x: 36, y: 18, width: 8, height: 6 };
  const isIn = (x: number, y: number) =>
    x >= spot.x && x < spot.x + spot.width && y >= spot.y && y < spot.y + spot.height;
  const mask: Mask = {
    width,
    height,
    data: Uint8Array.from(
      { length: width * height },
      (_, i) => isIn(i % width, Math.floor(i / width)) ? 1 : 0,
    ),
  };
  const image: Image = {
    width,
    height,
    data: Uint8Array.from({ length: 3 * mask.data.length }, (_, i) => 255 * mask.data[Math.floor(i / 3)]),
  };
  const ways: Partial<FrameSettings>[] = [
    {},
    { fit: "pad" },
    { fit: "crop" },
    { roi: "16,8,48,32" },
    { roi: "16,8,48,32", fit: "pad" },
    { tiles: 24, overlap: 8 },
    { tiles: 24, overlap: 8, roi: "10%,10%,90%,80%", fit: "crop" },
    { tiles: 100, overlap: 8 },
  ];
  for (const way of ways) {
    const frame = framed(width, height, way, 64), { map, area } = frame, found = maskOf(mask, frame);
    equal(found.length, map.width * map.height);
    const expected = spot.width * spot.height / (area.width * area.height),
      share = found.reduce((a, b) => a + b) / found.length;
    ok(Math.abs(share / expected - 1) < 0.3, `${JSON.stringify(way)}: ${share} and ${expected}`);
    // As large as the map, the spot is where the mask says: pixels well within are white, those well outside black.
    for (const piece of frame.pieces) {
      const pixels = cutImage(image, frame, piece),
        labels = cutMask(mask, frame, piece),
        inside = insideOf(frame, piece);
      labels.forEach((on, i) => {
        if (inside && !inside[i]) equal(on, 0);
        else if (pixels[3 * i] === 255) equal(on, 1, `${JSON.stringify(way)} at ${i}`);
        else if (pixels[3 * i] === 0) equal(on, 0, `${JSON.stringify(way)} at ${i}`);
      });
    }
  }
});

Deno.test("tiles cover everything, evenly, and overlap at least as asked", () => {
  const sizes = [[100, 70, 32, 8], [33, 32, 32, 0], [64, 64, 32, 0], [4096, 3072, 256, 64], [65, 40, 32, 16]];
  for (const [width, height, tiles, overlap] of sizes) {
    const { columns, rows, pieces, map } = framed(width, height, { tiles, overlap }, tiles);
    equal(pieces.length, columns.length * rows.length);
    deepEqual(map, { width, height }); // T = S: a pixel of the map for each of the image
    for (const [spans, length] of [[columns, width], [rows, height]] as const) {
      equal(spans[0].from, 0);
      equal(spans.at(-1)!.from + spans.at(-1)!.length, length);
      spans.slice(1).forEach((span, i) => ok(spans[i].from + tiles - span.from >= overlap));
      const least = Math.max(Math.ceil((length - overlap) / (tiles - overlap)), 1);
      equal(spans.length, least);
    }
  }
});

Deno.test("tiles are cut at their own scale, also the one that is larger than the image", () => {
  const image = numbered(50, 20), frame = framed(50, 20, { tiles: 32, overlap: 8 }, 32);
  deepEqual(frame.columns.map(({ from }) => from), [0, 18]);
  deepEqual(frame.map, { width: 50, height: 20 });
  for (const piece of frame.pieces) {
    const cut = cutImage(image, frame, piece);
    deepEqual(redsOf(cut, 10, 32), Array.from({ length: 32 }, (_, x) => x + piece.column.from));
    const greens = Array.from({ length: 32 }, (_, y) => cut[3 * 32 * y + 1]);
    deepEqual(greens, Array.from({ length: 32 }, (_, y) => Math.min(Math.max(y - 6, 0), 19)));
  }
  equal(framed(50, 20, { tiles: 64, overlap: 16 }).pieces.length, 1);
});

Deno.test("maps of tiles have no more pixels than the image, and no more than the tiles' own", () => {
  deepEqual(framed(100, 60, { tiles: 32, overlap: 8 }, 16).map, { width: 50, height: 30 });
  deepEqual(framed(100, 60, { tiles: 32, overlap: 8 }, 64).map, { width: 100, height: 60 });
});

Deno.test("a mask as region of interest: what is outside is never seen, and its tiles are left out", () => {
  const width = 64, height = 32;
  const white = Uint8Array.from({ length: width * height }, (_, i) => {
    const x = i % width, y = Math.floor(i / width);
    return (x < 20 || x >= 44) && y >= 8 && y < 30 && (x - y) % 7 !== 0 ? 1 : 0;
  });
  const roi = roiOfMask({ width, height, data: white });
  const image = numbered(width, height),
    other = { ...image, data: image.data.map((v, i) => white[Math.floor(i / 3)] ? v : 255 - v) };
  for (const way of [{}, { fit: "pad" as const }, { tiles: 16, overlap: 4 }]) {
    const frame = framed(width, height, { ...way, roi });
    deepEqual(frame.area, { x: 0, y: 8, width: 64, height: 22 });
    for (const piece of frame.pieces) deepEqual(cutImage(other, frame, piece), cutImage(image, frame, piece));
    ok(frame.inside!.includes(1) && frame.inside!.includes(0));
    const all = maskOf({ width, height, data: new Uint8Array(width * height).fill(1) }, frame);
    deepEqual(all, frame.inside);
  }
  const tiled = framed(width, height, { tiles: 16, overlap: 4, roi });
  ok(tiled.pieces.length < tiled.columns.length * tiled.rows.length);
  const covered = new Uint8Array(tiled.map.width * tiled.map.height);
  for (const { column, row } of tiled.pieces) {
    for (let y = row.at; y < row.at + row.extent; y++) {
      covered.fill(1, y * 64 + column.at, y * 64 + column.at + column.extent);
    }
  }
  tiled.inside!.forEach((on, i) => ok(!on || covered[i]));
});

Deno.test("pieces that are made otherwise have other keys", () => {
  const ways: [number, number, Partial<FrameSettings>][] = [
    [40, 24, { fit: "crop" }],
    [40, 24, { fit: "pad" }],
    [40, 24, { roi: "0,0,24,24" }],
    [40, 24, { roi: roiOfMask({ width: 2, height: 1, data: Uint8Array.of(1, 0) }) }],
    [40, 24, { roi: roiOfMask({ width: 4, height: 1, data: Uint8Array.of(1, 1, 0, 0) }) }],
    [40, 24, { tiles: 16, overlap: 4 }],
  ];
  const keys = ways.flatMap(([width, height, way]) => {
    const frame = framed(width, height, way);
    return frame.pieces.map((piece) => JSON.stringify(pieceKey(frame, piece)));
  });
  equal(new Set(keys).size, keys.length);
});

Deno.test("what can't be looked at is refused in words", () => {
  throws(() => framed(40, 24, { roi: "30,0,20,10" }), {
    name: "InputError",
    message: "Expected a region of interest within a.png, 40×24 pixels, but found one from 30,0 to 50,10. " +
      "In percent, it fits images of any size.",
  });
  throws(() => framed(8192, 8192, { tiles: 8, overlap: 4 }), {
    name: "InputError",
    message: /at most 65536 tiles an image, but found 4190209 of 8×8 pixels in a\.png, 8192×8192/,
  });
  // Two points far apart, which no pixel of a small map falls on.
  const points = Uint8Array.from({ length: 1000 }, (_, i) => i === 0 || i === 999 ? 1 : 0);
  const roi = roiOfMask({ width: 1000, height: 1, data: points });
  throws(() => framed(1000, 16, { roi }), {
    name: "InputError",
    message:
      /Expected a region of interest that can be seen on a\.png at 16×16 pixels, but found nothing of it left/,
  });
});
