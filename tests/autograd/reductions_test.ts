import assert from "node:assert/strict";
import { mean, meanImages, sum, sumChannels, weightedSum } from "../../src/autograd/reductions.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { hardware, variants } from "../hardware.ts";
import { repeat, sumRows } from "../reference/ops.ts";
import { checkOp } from "./check.ts";

const SHAPES = [[1], [3, 7], [2, 3, 4], [5, 64]];
const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b);

Deno.test("sum and mean of all values", async () => {
  for (const shape of SHAPES) {
    for (const [op, scale] of [[sum, 1], [mean, 1 / sizeOf(shape)]] as const) {
      await checkOp<"x">({
        inputs: { x: shape },
        run: (tape, { x }) => op(tape, x),
        forward: ({ x }) => sumRows(x, 1, scale),
        backward: (dy) => ({ x: repeat(dy, sizeOf(shape), scale) }),
      });
    }
  }
});

Deno.test("meanImages: a number an image", async () => {
  for (const shape of [...SHAPES, [2, 3, 2, 5]]) {
    const columns = sizeOf(shape) / shape[0];
    await checkOp<"x">({
      inputs: { x: shape },
      run: (tape, { x }) => meanImages(tape, x),
      forward: ({ x }) => sumRows(x, shape[0], 1 / columns),
      backward: (dy) => ({ x: repeat(dy, columns, 1 / columns) }),
    });
  }
});

Deno.test("sumChannels: over the last dimension", async () => {
  for (const on of [gpu, hardware]) {
    for (const shape of [[2, 3], [3, 1, 2, 4], [70, 2], [2, 144]]) {
      const C = shape[shape.length - 1];
      await checkOp<"x">({
        on,
        inputs: { x: shape },
        run: (tape, { x }) => {
          const y = sumChannels(tape, x);
          assert.deepEqual(y.shape, shape.slice(0, -1));
          return y;
        },
        forward: ({ x }) => sumRows(x, x.length / C),
        backward: (dy) => ({ x: repeat(dy, C) }),
      });
    }
  }
});

Deno.test("weightedSum: of losses, one of them twice", async () => {
  await checkOp<"a" | "b">({
    inputs: { a: [1], b: [1] },
    run: (tape, { a, b }) => weightedSum(tape, [[2, a], [-0.5, b], [0.25, a]]),
    forward: ({ a, b }) => Float64Array.of(2.25 * a[0] - 0.5 * b[0]),
    backward: (dy) => ({ a: Float64Array.of(2.25 * dy[0]), b: Float64Array.of(-0.5 * dy[0]) }),
  });
});

Deno.test("sums of many values are exact to a few digits' ends, and the same for an image alone", async () => {
  const B = 3, columns = 50_000, x = fill("many", B * columns, 0, 1);
  const wanted = sumRows(x, B, 1 / columns);
  for (const on of Object.values(variants)) {
    const [all, images, ...alone] = await gpu.step(async (gpu) => {
      const tape = new Tape(on, { record: false }),
        of = (b: number) => gpu.tensor(x.subarray(b * columns, (b + 1) * columns), [1, columns]);
      const whole = gpu.tensor(x, [B, columns]);
      return await gpu.stream.read(
        mean(tape, whole),
        meanImages(tape, whole),
        ...[0, 1, 2].map((b) => meanImages(tape, of(b))),
      );
    });
    assert.ok(Math.abs(all[0] / (wanted.reduce((a, b) => a + b) / B) - 1) < 2e-7);
    images.forEach((v, b) => assert.ok(Math.abs(v / wanted[b] - 1) < 2e-7));
    assert.deepEqual([...images], alone.map(([v]) => v));
  }
});

Deno.test("reductions refuse what does not fit", () => {
  const tape = new Tape(gpu), two = gpu.empty([2]);
  assert.throws(() => sumChannels(tape, two), /Expected \[..., C\] to sum over C, but found \[2\]/);
  assert.throws(() => weightedSum(tape, []), /Expected losses of one value, but found none/);
  assert.throws(() => weightedSum(tape, [[1, gpu.empty([1])], [1, two]]), /but found \[2\]/);
});
