import assert from "node:assert/strict";
import { add, layerNorm, meanSquaredError, positions } from "../../src/autograd/ops.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { gpu } from "../gpu.ts";
import * as reference from "../reference/training.ts";
import { backwardDispatches, checkOp, type Op } from "./check.ts";

function sum(x: number[], p: number[]): Op<"x" | "p"> {
  const period = p.reduce((a, b) => a * b);
  return {
    inputs: { x, p },
    run: (tape, { x, p }) => add(tape, x, p),
    forward: ({ x, p }) => reference.make(x.length, (i) => x[i] + p[i % period]),
    backward: (dy) => ({ x: Float64Array.from(dy), p: reference.columnSums(dy, period) }),
  };
}

Deno.test("add: of one shape, repeated over the first dimensions, and to itself", async () => {
  await checkOp(sum([2, 3], [2, 3]));
  await checkOp(sum([2, 3, 5], [3, 5]));
  await checkOp(sum([5, 1, 4], [4]));
  await checkOp(sum([130, 2], [2]));
  await checkOp<"x">({
    inputs: { x: [2, 3] },
    run: (tape, { x }) => add(tape, x, x),
    forward: ({ x }) => reference.make(x.length, (i) => 2 * x[i]),
    backward: (dy) => ({ x: reference.make(dy.length, (i) => 2 * dy[i]) }),
  });
});

function residual(shape: number[], dropout: number): Op<"x" | "branch" | "gamma" | "beta"> {
  const D = shape[shape.length - 1];
  return {
    inputs: { x: shape, branch: shape, gamma: [D], beta: [D] },
    dropout,
    run: (tape, { x, branch, gamma, beta }) => layerNorm(tape, x, branch, gamma, beta, dropout),
    forward: ({ x, branch, gamma, beta }, drop) => reference.layerNorm(x, branch, gamma, beta, drop).y,
    backward(dy, { x, branch, gamma, beta }, drop) {
      const { z, stats } = reference.layerNorm(x, branch, gamma, beta, drop);
      const { dx, dbranch, dgamma, dbeta } = reference.layerNormBackward(dy, { z, stats }, gamma, drop);
      return { x: dx, branch: dbranch, gamma: dgamma, beta: dbeta };
    },
  };
}

Deno.test("layerNorm of a residual connection, with dropout and without", async () => {
  for (const dropout of [0, 0.4]) {
    await checkOp(residual([2, 3, 8], dropout));
    await checkOp(residual([4, 7], dropout));
    await checkOp(residual([70, 3], dropout)); // two blocks of rows for gamma and beta
  }
});

Deno.test("layerNorm without a branch, which is never dropped", async () => {
  await checkOp<"x" | "gamma" | "beta">({
    inputs: { x: [3, 5], gamma: [5], beta: [5] },
    run: (tape, { x, gamma, beta }) => layerNorm(tape, x, null, gamma, beta, 0.5),
    forward: ({ x, gamma, beta }) => reference.layerNorm(x, null, gamma, beta).y,
    backward(dy, { x, gamma, beta }) {
      const saved = reference.layerNorm(x, null, gamma, beta);
      const { dx, dgamma, dbeta } = reference.layerNormBackward(dy, saved, gamma);
      return { x: dx, gamma: dgamma, beta: dbeta };
    },
  });
});

Deno.test("layerNorm of a tensor and itself", async () => {
  await checkOp<"x" | "gamma" | "beta">({
    inputs: { x: [3, 8], gamma: [8], beta: [8] },
    dropout: 0.3,
    run: (tape, { x, gamma, beta }) => layerNorm(tape, x, x, gamma, beta, 0.3),
    forward: ({ x, gamma, beta }, drop) => reference.layerNorm(x, x, gamma, beta, drop).y,
    backward(dy, { x, gamma, beta }, drop) {
      const saved = reference.layerNorm(x, x, gamma, beta, drop);
      const { dx, dbranch, dgamma, dbeta } = reference.layerNormBackward(dy, saved, gamma, drop);
      return { x: dx.map((g, i) => g + dbranch[i]), gamma: dgamma, beta: dbeta };
    },
  });
});

const embeddings: Op<"columns" | "rows"> = {
  inputs: { columns: [2, 3], rows: [5, 3] },
  run: (tape, { columns, rows }) => positions(tape, columns, rows),
  forward: ({ columns, rows }) => reference.positions(columns, rows, 3),
  backward(dy) {
    const { dcolumns, drows } = reference.positionsBackward(dy, 2, 3);
    return { columns: dcolumns, rows: drows };
  },
};

Deno.test("positions: both tables", () => checkOp(embeddings));

Deno.test("meanSquaredError: over all values and over some, for both sides", async () => {
  for (const [shape, count] of [[[1], 1], [[3, 7], 21], [[3, 8], 20]] as const) {
    const size = shape.reduce((a: number, b) => a * b, 1);
    const slopes = (dy: reference.Values, x: reference.Values, target: reference.Values) =>
      reference.make(size, (i) => 2 * dy[0] * (x[i] - target[i]) / count);
    await checkOp<"x" | "target">({
      inputs: { x: shape, target: shape },
      run: (tape, { x, target }) => meanSquaredError(tape, x, target, count),
      forward: ({ x, target }) =>
        Float64Array.of(reference.sum(size, (i) => (x[i] - target[i]) ** 2) / count),
      backward: (dy, { x, target }) => ({ x: slopes(dy, x, target), target: slopes(dy, target, x) }),
    });
  }
});

Deno.test("frozen inputs cost nothing", async () => {
  assert.equal(await backwardDispatches(sum([2, 3], [3])), 2);
  assert.equal(await backwardDispatches(sum([2, 3], [3]), "x"), 1);
  assert.equal(await backwardDispatches(sum([2, 3], [3]), "p"), 1);
  const norm = residual([2, 4], 0);
  assert.equal(await backwardDispatches(norm), 4); // dx and dbranch in one; parts of dgamma and dbeta, and both sums
  assert.equal(await backwardDispatches(norm, "gamma", "beta"), 1);
  assert.equal(await backwardDispatches(norm, "x", "branch"), 3);
  assert.equal(await backwardDispatches(norm, "x"), 4);
  assert.equal(await backwardDispatches(embeddings, "rows"), 1);
});

Deno.test("ops refuse what does not fit", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3]), three = gpu.empty([3]);
  assert.throws(() => add(tape, x, gpu.empty([2])), /the last dimensions of \[2,3\], but found \[2\]/);
  assert.throws(() => add(tape, three, x), /but found \[2,3\]/);
  assert.throws(() => layerNorm(tape, x, null, gpu.empty([2]), three), /gamma and beta \[3\]/);
  assert.throws(() => layerNorm(tape, x, gpu.empty([3, 2]), three, three), /a branch of the shape \[2,3\]/);
  assert.throws(() => positions(tape, x, gpu.empty([2, 4])), /tables of one width/);
  assert.throws(() => positions(tape, x, x.view([2, 3])), /Expected two tables/);
  assert.throws(() => meanSquaredError(tape, x, gpu.empty([5])), /Expected \[2,3\]/);
});
