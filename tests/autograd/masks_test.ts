import assert from "node:assert/strict";
import { blockTriangle } from "../../src/autograd/masks.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { gpu } from "../gpu.ts";
import { make, type Values } from "../reference/training.ts";
import { checkOp } from "./check.ts";

Deno.test("blockTriangle: blocks of any shape, with the diagonal and without", async () => {
  for (const [blocks, height, width] of [[3, 2, 3], [2, 3, 4], [4, 1, 1]]) {
    for (const strict of [false, true]) {
      const kept = (x: Values) =>
        make(x.length, (i) => {
          const row = Math.floor(i / (blocks * width) / height);
          const column = Math.floor(i % (blocks * width) / width);
          return column < row || column === row && !strict ? x[i] : 0;
        });
      await checkOp<"x">({
        inputs: { x: [blocks * height, blocks * width] },
        run: (tape, { x }) => blockTriangle(tape, x, blocks, { strict }),
        forward: ({ x }) => kept(x),
        backward: (dy) => ({ x: kept(dy) }),
      });
    }
  }
});

Deno.test("blockTriangle: what is no matrix of so many blocks is refused", async () => {
  await gpu.step((scope) => {
    for (const shape of [[6, 4], [2, 3, 3], [6]]) {
      assert.throws(() => blockTriangle(new Tape(scope), scope.empty(shape), 3), {
        name: "RangeError",
        message: `Expected a matrix of 3 × 3 blocks, but found [${shape}]`,
      });
    }
  });
});
