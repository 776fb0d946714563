import assert from "node:assert/strict";
import { Tape } from "../../src/autograd/tape.ts";
import { upsample } from "../../src/autograd/upsample.ts";
import { gpu } from "../gpu.ts";
import * as reference from "../reference/upsample.ts";
import { checkOp } from "./check.ts";

const SIZES: [shape: [number, number, number, number], to: [number, number]][] = [
  [[1, 1, 1, 1], [1, 1]],
  [[2, 1, 1, 4], [3, 2]],
  [[2, 3, 2, 3], [6, 4]],
  [[1, 2, 3, 4], [6, 9]],
  [[1, 1, 2, 3], [4, 8]],
  [[1, 3, 3, 4], [6, 6]],
  [[1, 4, 3, 4], [8, 9]],
  [[1, 3, 5, 4], [7, 11]], // by no whole number
  [[1, 5, 4, 2], [5, 7]],
  [[1, 7, 8, 4], [3, 1]], // smaller, where some pixels are left out
  [[1, 13, 9, 1], [2, 4]],
  [[1, 2, 9, 3], [1, 20]], // both
];

const HOW = [
  { mode: "nearest" },
  { mode: "bilinear" },
  { mode: "bilinear", alignCorners: true },
] as const;

for (const [shape, to] of SIZES) {
  for (const how of HOW) {
    Deno.test(`upsample [${shape}] to ${to.join("×")}, ${JSON.stringify(how)}: result and gradient`, async () => {
      const [B, h, w, C] = shape, [H, W] = to, { mode, ...options } = how;
      const sizes = { B, h, w, C, H, W, ...how };
      await checkOp<"x">({
        inputs: { x: shape },
        run: (tape, { x }) => upsample(tape, x, to, mode, options),
        forward: ({ x }) => reference.upsample(x, sizes),
        backward: (dy) => ({ x: reference.upsampleBackward(dy, sizes) }),
      });
    });
  }
}

Deno.test("upsample refuses what are no maps, sizes that are none, and aligned corners of nearest", () => {
  const tape = new Tape(gpu), x = gpu.empty([1, 2, 2, 3]);
  const refuses = (run: () => void, message: RegExp) => assert.throws(run, { name: "RangeError", message });
  refuses(() => upsample(tape, gpu.empty([2, 2, 3]), [4, 4], "nearest"), /^Expected maps \[B, H, W, C\]/);
  refuses(() => upsample(tape, x, [4, 0], "bilinear"), /whole numbers of at least 1, but found \[1,4,0,3\]/);
  refuses(
    () => upsample(tape, x, [4, 4], "nearest", { alignCorners: true }),
    /aligned corners, but found nearest/,
  );
});
