import assert from "node:assert/strict";
import { cosineDistance, l1Loss, smoothL1Loss } from "../../src/autograd/distances.ts";
import { meanSquaredError } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { fill } from "../fill.ts";
import { gpu } from "../gpu.ts";
import { hardware } from "../hardware.ts";
import { assertClose } from "../reference/backbone.ts";
import * as reference from "../reference/distances.ts";
import { checkOp, type Op } from "./check.ts";
import { meetsGolden } from "./golden.ts";

const losses = { l1: l1Loss, smooth: smoothL1Loss };

function pair(kind: keyof typeof losses, shape: number[]): Op<"x" | "y"> {
  const of = reference.pairs[kind];
  return {
    inputs: { x: shape, y: shape },
    run: (tape, { x, y }) => losses[kind](tape, x, y),
    forward: ({ x, y }) => Float64Array.of(reference.meanOfPairs(of, x, y)),
    backward(dy, { x, y }) {
      const both = reference.meanOfPairsBackward(of, x, y),
        times = (d: Float64Array) => d.map((d) => dy[0] * d);
      return { x: times(both.x), y: times(both.y) };
    },
  };
}

function cosine(shape: number[], eps?: number): Op<"x" | "y"> {
  const C = shape[shape.length - 1];
  return {
    inputs: { x: shape, y: shape },
    run: (tape, { x, y }) => cosineDistance(tape, x, y, { eps }),
    forward: ({ x, y }) => reference.cosineDistance(x, y, C, eps),
    backward: (dd, { x, y }) => ({
      x: reference.cosineDistanceBackward(dd, x, y, C, eps),
      y: reference.cosineDistanceBackward(dd, y, x, C, eps),
    }),
  };
}

for (const kind of ["l1", "smooth"] as const) {
  Deno.test(`${kind}: mean and gradients of both sides`, async () => {
    for (const shape of [[1], [3, 7], [2, 3, 4]]) await checkOp(pair(kind, shape));
    await checkOp({ ...pair(kind, [2, 3, 4]), on: hardware });
  });
}

Deno.test("means of more values than there are threads, the same bits in every run", async () => {
  for (const [kind, loss] of Object.entries(losses)) {
    for (const n of [5001, 9004]) {
      const tape = new Tape(gpu), [a, b] = ["x", "y"].map((name) => fill(name, n, -2, 2));
      const x = gpu.tensor(a), y = gpu.tensor(b);
      x.requiresGrad = true;
      const found = loss(tape, x, y);
      tape.backward(found);
      const [value, dx, again] = await gpu.stream.read(found, tape.gradient(x), loss(tape, x, y));
      const of = reference.pairs[kind as keyof typeof losses];
      assertClose(value, [reference.meanOfPairs(of, a, b)], 1e-6);
      assertClose(dx, reference.meanOfPairsBackward(of, a, b).x, 1e-6);
      assert.deepEqual(again, value);
    }
  }
});

Deno.test("l1 and smooth l1 of a tensor and itself: 0, without a slope", async () => {
  for (const loss of Object.values(losses)) {
    const tape = new Tape(gpu), x = gpu.tensor([1, -2, 3], [3]);
    x.requiresGrad = true;
    const y = loss(tape, x, x);
    tape.backward(y);
    const [value, gradient] = await gpu.stream.read(y, tape.gradient(x));
    assert.deepEqual([...value, ...gradient].map(Math.abs), [0, 0, 0, 0]);
  }
});

Deno.test("cosine distance: rows and gradients of both sides", async () => {
  for (const shape of [[5], [3, 7], [2, 3, 8], [2, 70, 4]]) await checkOp(cosine(shape));
  await checkOp({ ...cosine([3, 50]), on: hardware });
  await checkOp(cosine([3, 7], 1.5)); // some norms are below eps, some above
});

Deno.test("cosine distance of zeros is 1, and its gradient finite", async () => {
  const tape = new Tape(gpu), x = gpu.tensor(new Float32Array(3), [1, 3]), y = gpu.tensor([1, 2, 2], [1, 3]);
  x.requiresGrad = y.requiresGrad = true;
  const d = cosineDistance(tape, x, y, { eps: 0.5 });
  tape.backward(d);
  const [value, dx, dy] = await gpu.stream.read(d, tape.gradient(x), tape.gradient(y));
  assert.equal(value[0], 1);
  assert.deepEqual([...dx].map(Math.fround), [-1 / 3 / 0.5, -2 / 3 / 0.5, -2 / 3 / 0.5].map(Math.fround));
  assert.deepEqual([...dy].map(Math.abs), [0, 0, 0]);
});

Deno.test("distances are PyTorch's", async () => {
  await meetsGolden("l1", { x: [[3, 7], -1, 1], y: [[3, 7], -1, 1] }, (tape, { x, y }) => l1Loss(tape, x, y));
  const two = [[4, 8], -2, 2] as const;
  await meetsGolden("smooth", { x: two, y: two }, (tape, { x, y }) => smoothL1Loss(tape, x, y));
  const some = [[4, 5], -2, 2] as const;
  await meetsGolden("mse", { x: some, y: some }, (tape, { x, y }) => meanSquaredError(tape, x, y));
  const one = [[2, 3, 8], -1, 1] as const;
  await meetsGolden("cosine", { x: one, y: one }, (tape, { x, y }) => cosineDistance(tape, x, y));
  await meetsGolden(
    "cosine.short",
    { x: [[4, 5], -1e-3, 1e-3], y: [[4, 5], -1e3, 1e3] },
    (tape, { x, y }) => cosineDistance(tape, x, y),
  );
});

Deno.test("distances refuse tensors of two shapes", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3]), y = gpu.empty([3, 2]);
  assert.throws(() => l1Loss(tape, x, y), {
    name: "RangeError",
    message: "Expected a target [2,3], but found [3,2]",
  });
  assert.throws(() => smoothL1Loss(tape, x, gpu.empty([6])), /Expected a target \[2,3\], but found \[6\]/);
  assert.throws(() => cosineDistance(tape, x, y), /Expected two tensors \[2,3\], but found \[3,2\]/);
});
