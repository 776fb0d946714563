/**
 * Maps of pieces put together: no seams, nothing of what is not looked at.
 *
 * @module
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import {
  type Frame,
  frameOf,
  type FrameSettings,
  framingOf,
  insideOf,
  type Piece,
} from "../../src/data/frame.ts";
import { roiOfMask } from "../../src/data/roi.ts";
import { Joining } from "../../src/score/tiles.ts";

function framed(width: number, height: number, S: number, settings: Partial<FrameSettings>): Frame {
  const all = { fit: "stretch", roi: "none", tiles: 0, overlap: 0, ...settings } as const;
  return frameOf({ width, height }, S, framingOf(all), "a.png");
}

/** A piece's map that has for each pixel what `value` says of its place in the whole map. */
function mapOf(
  frame: Frame,
  { column, row }: Piece,
  value: (x: number, y: number) => number,
): Float32Array<ArrayBuffer> {
  const { S } = frame;
  return Float32Array.from({ length: S * S }, (_, i) => {
    const x = (i % S - column.to + 0.5) * column.extent / column.size - 0.5 + column.at;
    const y = (Math.floor(i / S) - row.to + 0.5) * row.extent / row.size - 0.5 + row.at;
    return value(x, y);
  });
}

const WAYS: [width: number, height: number, S: number, Partial<FrameSettings>][] = [
  [100, 70, 32, { tiles: 32, overlap: 8 }],
  [100, 70, 16, { tiles: 32, overlap: 8 }],
  [100, 70, 64, { tiles: 32, overlap: 8 }],
  [101, 67, 32, { tiles: 32, overlap: 0 }],
  [101, 67, 32, { tiles: 32, overlap: 16 }],
  [100, 20, 32, { tiles: 32, overlap: 7 }],
  [20, 20, 32, { tiles: 32, overlap: 7 }],
];

Deno.test("a value that is the same everywhere is so in the whole map", () => {
  for (const [width, height, S, way] of WAYS) {
    const frame = framed(width, height, S, way), joining = new Joining(frame, { image_score: "max" });
    for (const piece of frame.pieces) {
      joining.add(piece, { map: new Float32Array(S * S).fill(3.7), score: 3.7 });
    }
    const { map, score } = joining.finish();
    deepEqual([map!.width, map!.height], [frame.map.width, frame.map.height]);
    ok(map!.data.every((v) => Math.abs(v - 3.7) < 1e-5));
    equal(score, 3.7);
  }
});

Deno.test("a ramp is a ramp again: no step where tiles meet", () => {
  for (const [width, height, S, way] of WAYS) {
    const frame = framed(width, height, S, way), joining = new Joining(frame, { image_score: "max" });
    for (const piece of frame.pieces) {
      joining.add(piece, { map: mapOf(frame, piece, (x, y) => 10 + x + y / 2), score: 0 });
    }
    const { width: W, data } = joining.finish().map!;
    data.forEach((v, i) => {
      if (i % W > 0) ok(v > data[i - 1], `${JSON.stringify(way)}, ${S}: ${data[i - 1]}, ${v} at ${i}`);
      if (i >= W) ok(v > data[i - W]);
      // Resizing holds the border of a tile's map, so only where T = S is the value the same.
      if (S === way.tiles) ok(Math.abs(v - (10 + i % W + Math.floor(i / W) / 2)) < 1e-3);
    });
  }
});

Deno.test("tiles that disagree meet without a jump", () => {
  const frame = framed(56, 32, 32, { tiles: 32, overlap: 8 }),
    joining = new Joining(frame, { image_score: "max" });
  equal(frame.pieces.length, 2);
  frame.pieces.forEach((piece, i) =>
    joining.add(piece, { map: new Float32Array(32 * 32).fill(i), score: i })
  );
  const { map, score } = joining.finish(), row = [...map!.data.subarray(0, 56)];
  row.slice(1).forEach((v, x) => ok(v >= row[x] && v - row[x] < 1 / 6));
  deepEqual([row[23], row[32]], [0, 1]);
  equal(score, 1); // the largest
});

Deno.test("an image in one piece keeps its method's map and score as they are", () => {
  const frame = framed(40, 30, 16, {}), map = Float32Array.from({ length: 256 }, Math.sin);
  const joining = new Joining(frame, { image_score: "max" });
  joining.add(frame.pieces[0], { map, score: 0.25, window: 16 });
  const result = joining.finish();
  equal(result.map!.data, map);
  equal(result.score, 0.25);
});

Deno.test("padding takes no part in map and score; a score of the method's own rule stays", () => {
  const frame = framed(32, 16, 32, { fit: "pad" }), [piece] = frame.pieces;
  const map = new Float32Array(32 * 32).fill(100).fill(1, 8 * 32, 24 * 32);
  map[12 * 32 + 5] = 9;
  const scores = ([["max", 1], ["max", 16], ["mean", 16], ["max", undefined]] as const).map(
    ([image_score, window]) => {
      const joining = new Joining(frame, { image_score });
      joining.add(piece, { map, score: 77, window });
      const found = joining.finish();
      equal(found.map!.data.length, 32 * 16);
      equal(Math.max(...found.map!.data), 9);
      return found.score;
    },
  );
  deepEqual(scores, [9, 1 + 8 / 256, 1 + 8 / 512, 77]);
});

Deno.test("outside of a mask is the lowest value inside, in the map and in what the score is taken from", () => {
  const roi = roiOfMask({
    width: 4,
    height: 4,
    data: Uint8Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 1 : 0),
  });
  for (const way of [{ roi }, { roi, tiles: 16, overlap: 4 }]) {
    const frame = framed(32, 32, 16, way), joining = new Joining(frame, { image_score: "max" });
    for (const piece of frame.pieces) {
      const inside = insideOf(frame, piece);
      const map = Float32Array.from({ length: 256 }, (_, i) => !inside || inside[i] ? 2 + i / 256 : 50);
      joining.add(piece, { map, score: 50, window: 1 });
    }
    const { map, score } = joining.finish(), { inside } = frame;
    ok(score < 3);
    const seen = map!.data.filter((_, i) => inside![i]);
    ok(Math.max(...map!.data) < 3);
    map!.data.forEach((v, i) => inside![i] || equal(v, Math.min(...seen)));
  }
});

Deno.test("without maps, the score is the largest of the pieces'; one that is no number is none", () => {
  const frame = framed(40, 16, 16, { tiles: 16, overlap: 0 });
  const scoreOf = (scores: number[]): number => {
    const joining = new Joining(frame, { image_score: "max" });
    frame.pieces.forEach((piece, i) => joining.add(piece, { map: null, score: scores[i] }));
    const { map, score } = joining.finish();
    equal(map, null);
    return score;
  };
  equal(scoreOf([-3, -1, -2]), -1);
  ok(Number.isNaN(scoreOf([1, NaN, 2])));
});
