import assert from "node:assert/strict";
import { multiply } from "../../src/autograd/arithmetic.ts";
import { channels, concat, crop, detach, expand, pad, reshape } from "../../src/autograd/shapes.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import * as reference from "../reference/ops.ts";
import { columnSums, make } from "../reference/training.ts";
import { backwardDispatches, checkOp, type Op, weighted } from "./check.ts";

Deno.test("reshape: a gradient goes through a view", async () => {
  await checkOp<"x">({
    inputs: { x: [2, 6] },
    run: (tape, { x }) => {
      const y = reshape(tape, multiply(tape, reshape(tape, x, [3, 4]), reshape(tape, x, [3, 4])), [12]);
      assert.deepEqual(y.shape, [12]);
      return y;
    },
    forward: ({ x }) => make(x.length, (i) => x[i] ** 2),
    backward: (dy, { x }) => ({ x: make(x.length, (i) => 2 * dy[i] * x[i]) }),
  });
});

Deno.test("detach: the same values, of which the gradient knows nothing", async () => {
  await gpu.step(async (gpu) => {
    const tape = new Tape(gpu), values = fill("x", 6), x = gpu.tensor(values, [2, 3]);
    x.requiresGrad = true;
    const same = detach(x);
    assert.ok(!same.requiresGrad && x.requiresGrad && same.grad === null);
    tape.backward(weighted(tape, multiply(tape, x, same), new Float32Array(6).fill(1)));
    assert.deepEqual(await gpu.read(tape.gradient(x)), values);
  });
});

Deno.test("concat: over the last dimension, one, two, three, and one twice", async () => {
  const joined = (leading: number[], a: number, b: number): Op<"a" | "b"> => {
    const C = 2 * a + b;
    return {
      inputs: { a: [...leading, a], b: [...leading, b] },
      run: (tape, { a, b }) => concat(tape, [a, b, a]),
      forward: (x) => {
        const parts = [[x.a, 0, a], [x.b, a, b], [x.a, a + b, a]] as const,
          y = new Float64Array(x.a.length * C / a);
        for (const [values, first, width] of parts) {
          reference.columns(values, width, -first, C).forEach((v, i) => y[i] += v);
        }
        return y;
      },
      backward: (dy) => {
        const [first, last] = [0, a + b].map((at) => reference.columns(dy, C, at, a));
        return { a: first.map((v, i) => v + last[i]), b: reference.columns(dy, C, a, b) };
      },
    };
  };
  await checkOp(joined([2, 3], 2, 3));
  await checkOp(joined([2, 2, 1], 4, 8));
  await checkOp(joined([], 3, 1));
  const x = gpu.tensor(fill("x", 6), [2, 3]), tape = new Tape(gpu, { record: false });
  assert.deepEqual(await gpu.read(concat(tape, [x])), fill("x", 6));
  assert.equal(await backwardDispatches(joined([2, 3], 2, 3), "a"), 1);
  assert.equal(await backwardDispatches(joined([2, 3], 2, 3), "b"), 2);
});

Deno.test("channels: some of the last dimension", async () => {
  for (
    const [shape, first, count] of [[[2, 3], 1, 2], [[3, 2, 8], 4, 4], [[2, 8], 2, 4], [[5], 0, 5]] as const
  ) {
    const C = shape[shape.length - 1];
    await checkOp<"x">({
      inputs: { x: shape },
      run: (tape, { x }) => channels(tape, x, first, count),
      forward: ({ x }) => reference.columns(x, C, first, count),
      backward: (dy) => ({ x: reference.columns(dy, count, -first, C) }),
    });
  }
});

Deno.test("crop: a rectangle of maps", async () => {
  for (
    const [shape, top, left, height, width] of [
      [[2, 4, 5, 3], 1, 2, 2, 3],
      [[2, 3, 4, 4], 0, 1, 3, 2],
      [[1, 2, 2, 1], 1, 1, 1, 1],
      [[2, 2, 3, 2], 0, 0, 2, 3],
    ] as const
  ) {
    const [B, H, W, C] = shape;
    await checkOp<"x">({
      inputs: { x: shape },
      run: (tape, { x }) => crop(tape, x, { top, left, height, width }),
      forward: ({ x }) => reference.window(x, shape, { top, left, height, width }),
      backward: (dy) => ({
        x: reference.window(dy, [B, height, width, C], { top: -top, left: -left, height: H, width: W }),
      }),
    });
  }
});

Deno.test("pad: zeros around maps", async () => {
  for (const [shape, border] of [[[2, 2, 3, 3], [1, 0, 2, 1]], [[2, 3, 1, 4], [0, 2, 0, 1]]] as const) {
    const [B, H, W, C] = shape, [top, bottom, left, right] = border;
    const outer = { top: -top, left: -left, height: H + top + bottom, width: W + left + right };
    await checkOp<"x">({
      inputs: { x: shape },
      run: (tape, { x }) => pad(tape, x, { top, bottom, left, right }),
      forward: ({ x }) => reference.window(x, shape, outer),
      backward: (dy) => ({
        x: reference.window(dy, [B, outer.height, outer.width, C], { top, left, height: H, width: W }),
      }),
    });
  }
});

Deno.test("expand: a vector at every position", async () => {
  for (const [B, H, W, C] of [[2, 2, 3, 3], [3, 1, 2, 4], [1, 9, 16, 2]]) {
    await checkOp<"x">({
      inputs: { x: [B, C] },
      run: (tape, { x }) => expand(tape, x, [H, W]),
      forward: ({ x }) => make(B * H * W * C, (i) => x[Math.floor(i / (H * W * C)) * C + i % C]),
      backward: (dy) => {
        const images = Array.from(
          { length: B },
          (_, b) => Array.from(dy).slice(b * H * W * C, (b + 1) * H * W * C),
        );
        return { x: Float64Array.from(images.flatMap((image) => [...columnSums(image, C)])) };
      },
    });
  }
});

Deno.test("shapes that don't fit are refused", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3]), maps = gpu.empty([2, 3, 4, 1]);
  assert.throws(() => reshape(tape, x, [5]), /a shape of 6 values for \[2,3\], but found \[5\]/);
  assert.throws(() => concat(tape, []), /differ in their last dimension only, but found none/);
  assert.throws(() => concat(tape, [x, gpu.empty([3, 3])]), /but found \[2,3\], \[3,3\]/);
  assert.throws(() => concat(tape, [x, gpu.empty([3])]), /but found \[2,3\], \[3\]/);
  for (const [first, count] of [[-1, 2], [2, 2], [0, 0], [0.5, 1]]) {
    assert.throws(() => channels(tape, x, first, count), /some of the channels 0..3, but found/);
  }
  const whole = { top: 0, left: 0, height: 3, width: 4 };
  for (const wrong of [{ top: 1 }, { left: -1 }, { height: 0 }, { width: 5 }, { top: 0.5, height: 1 }]) {
    assert.throws(
      () => crop(tape, maps, { ...whole, ...wrong }),
      /a rectangle within, but found \[2,3,4,1\] and rows/,
    );
  }
  assert.throws(() => crop(tape, x, whole), /Expected maps .* but found \[2,3\]/);
  assert.throws(
    () => pad(tape, maps, { top: -1 }),
    /borders of at least 0, but found \[2,3,4,1\] and -1,0,0,0/,
  );
  assert.throws(() => pad(tape, x, {}), /Expected maps/);
  assert.throws(() => expand(tape, maps, [2, 2]), /Expected vectors \[B, C\], but found \[2,3,4,1\]/);
});
