import assert from "node:assert/strict";
import { averagePool, maxPool, meanPositions, type PoolOptions } from "../../src/autograd/pooling.ts";
import { Tape } from "../../src/autograd/tape.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { gpu } from "../gpu.ts";
import * as backbone from "../reference/backbone.ts";
import * as reference from "../reference/pooling.ts";
import { assertSameAlone } from "./alone.ts";
import { checkOp, type Op, weighted } from "./check.ts";

type Case = [shape: [number, number, number, number], k: number, options?: PoolOptions];

const sizesOf = ([[B, H, W, C], k, options]: Case): reference.PoolSizes => ({ B, H, W, C, k, ...options });

function largest(c: Case): Op<"x"> {
  const [x, k, options] = c, sizes = sizesOf(c);
  return {
    inputs: { x },
    run: (tape, { x }) => maxPool(tape, x, k, options),
    forward: ({ x }) => reference.maxPool(x, sizes),
    backward: (dy, { x }) => ({ x: reference.maxPoolBackward(dy, x, sizes) }),
  };
}

function average(c: Case): Op<"x"> {
  const [x, k, options] = c, sizes = sizesOf(c);
  return {
    inputs: { x },
    run: (tape, { x }) => averagePool(tape, x, k, options),
    forward: ({ x }) => reference.averagePool(x, sizes),
    backward: (dy) => ({ x: reference.averagePoolBackward(dy, sizes) }),
  };
}

const CASES: Case[] = [
  [[1, 1, 1, 1], 1],
  [[2, 4, 6, 4], 2],
  [[2, 5, 7, 3], 2], // what is left at the border
  [[1, 7, 8, 4], 3, { stride: 2, padding: 1 }],
  [[2, 6, 5, 3], 3, { stride: 2, padding: 1 }],
  [[1, 5, 6, 4], 3, { stride: 1, padding: 1 }],
  [[1, 7, 5, 2], 1, { stride: 2 }], // values in no window
  [[1, 8, 9, 4], 2, { stride: 3, padding: 1 }],
  [[1, 3, 2, 1], 7, { stride: 1, padding: 3 }],
  [[1, 9, 11, 2], 5, { stride: 3, padding: 2 }],
];

for (const c of CASES) {
  Deno.test(`pooling ${JSON.stringify(c)}: result and gradient`, async () => {
    for (const op of [largest(c), average(c)]) await checkOp(op);
    const [shape, k, options] = c, tape = new Tape(gpu, { record: false });
    await gpu.step((on) => {
      const y = maxPool(tape, on.empty(shape), k, options);
      assert.deepEqual(y.shape, reference.pooledShape(sizesOf(c)));
      assert.equal(y.requiresGrad, false);
    });
  });
}

for (const shape of [[1, 1, 1, 1], [2, 3, 5, 3], [3, 4, 5, 4], [1, 17, 16, 2]]) {
  Deno.test(`meanPositions [${shape}]: result and gradient`, async () => {
    const [B, H, W, C] = shape, rows = [B, H * W, C];
    await checkOp<"x">({
      inputs: { x: shape },
      run: (tape, { x }) => meanPositions(tape, x),
      forward: ({ x }) => backbone.positionMean(x, rows),
      backward: (dy) => ({ x: reference.positionMeanBackward(dy, rows) }),
    });
  });
}

Deno.test("an image's means over positions are the same bits in any batch", async () => {
  for (const C of [3, 4]) await assertSameAlone(gpu, [3, 17, 16, C], meanPositions);
});

Deno.test("of equal values the first has the gradient of a maximum, below zero too", async () => {
  const x = [1, 1, -5, -5, 1, 1, -5, -5, 0, 2, 0, 0, 2, 2, 0, 0]; // 4×4
  await gpu.step(async (on) => {
    const tape = new Tape(on), input = on.tensor(x, [1, 4, 4, 1]);
    input.requiresGrad = true;
    tape.backward(weighted(tape, maxPool(tape, input, 2), [1, 2, 3, 4]));
    assert.deepEqual(
      [...await on.read(tape.gradient(input))],
      [1, 0, 2, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0],
    );
  });
});

Deno.test("pooling refuses what does not fit", () => {
  const tape = new Tape(gpu);
  const refuses = (run: () => Tensor, message: RegExp) => assert.throws(run, { name: "RangeError", message });
  const of = (...shape: number[]) => gpu.empty(shape);
  for (const pool of [maxPool, averagePool]) {
    refuses(() => pool(tape, of(4, 4, 3), 2), /^Expected maps \[B, H, W, C\], but found \[4,4,3\]$/);
    refuses(
      () => pool(tape, of(1, 1, 4, 3), 2),
      /^Expected maps that a 2×2 window fits into, but found 1×4$/,
    );
    for (
      const [k, stride, padding] of [[0, 1, 0], [2, 0, 0], [2, 1.5, 0], [2, 2, -1], [3, 1, 2], [NaN, 1, 0]]
    ) {
      refuses(
        () => pool(tape, of(1, 4, 4, 3), k, { stride, padding }),
        new RegExp(`half of a window, but found ${k}, ${stride} and ${padding}$`),
      );
    }
  }
  refuses(() => meanPositions(tape, of(4, 3)), /^Expected maps \[B, H, W, C\], but found \[4,3\]$/);
});
