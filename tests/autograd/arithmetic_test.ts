import assert from "node:assert/strict";
import {
  abs,
  clamp,
  exp,
  log,
  multiply,
  pseudoHuber,
  scale,
  scaleRows,
  sqrt,
  square,
  subtract,
} from "../../src/autograd/arithmetic.ts";
import { Tape } from "../../src/autograd/tape.ts";
import { gpu } from "../gpu.ts";
import { hardware } from "../hardware.ts";
import * as reference from "../reference/ops.ts";
import { columnSums, make } from "../reference/training.ts";
import { backwardDispatches, checkOp, type Op, weighted } from "./check.ts";

const SHAPES: [x: number[], p: number[]][] = [
  [[2, 3], [2, 3]],
  [[2, 3, 5], [3, 5]],
  [[5, 1, 4], [4]],
  [[130, 2], [2]],
];

function difference(x: number[], p: number[]): Op<"x" | "p"> {
  const period = p.reduce((a, b) => a * b);
  return {
    inputs: { x, p },
    run: (tape, { x, p }) => subtract(tape, x, p),
    forward: ({ x, p }) => make(x.length, (i) => x[i] - p[i % period]),
    backward: (dy) => ({ x: Float64Array.from(dy), p: columnSums(dy, period).map((v) => -v) }),
  };
}

function product(x: number[], p: number[]): Op<"x" | "p"> {
  return {
    inputs: { x, p },
    run: (tape, { x, p }) => multiply(tape, x, p),
    forward: ({ x, p }) => reference.multiply(x, p),
    backward: (dy, { x, p }) => ({
      x: reference.multiply(dy, p),
      p: columnSums(reference.multiply(dy, x), p.length),
    }),
  };
}

Deno.test("subtract: of one shape, repeated over the first dimensions", async () => {
  for (const [x, p] of SHAPES) await checkOp(difference(x, p));
});

Deno.test("multiply: of one shape, repeated over the first dimensions", async () => {
  for (const [x, p] of SHAPES) await checkOp(product(x, p));
});

Deno.test("x · x has the gradient 2x, x − x none, also by way of views", async () => {
  await checkOp<"x">({
    inputs: { x: [2, 3] },
    run: (tape, { x }) => multiply(tape, x, x),
    forward: ({ x }) => make(x.length, (i) => x[i] ** 2),
    backward: (dy, { x }) => ({ x: make(x.length, (i) => 2 * dy[i] * x[i]) }),
  });
  await gpu.step(async (gpu) => {
    const tape = new Tape(gpu), x = gpu.tensor([1, 2, 3, 4], [2, 2]);
    x.requiresGrad = true;
    const y = multiply(tape, x.view([4]), subtract(tape, x, x.view([2, 2])).view([4]));
    tape.backward(weighted(tape, y, [1, 2, 3, 4]));
    assert.deepEqual([...await gpu.read(tape.gradient(x))], [0, 0, 0, 0]);
  });
});

Deno.test("scaleRows: each image by a number", async () => {
  for (
    const [on, shape] of [[gpu, [3, 5]], [gpu, [2, 3, 2, 4]], [gpu, [4]], [hardware, [3, 7, 20]]] as const
  ) {
    await checkOp<"x" | "s">({
      on,
      inputs: { x: shape, s: [shape[0]] },
      run: (tape, { x, s }) => scaleRows(tape, x, s),
      forward: ({ x, s }) => reference.scaleRows(x, s),
      backward: (dy, { x, s }) => ({
        x: reference.scaleRows(dy, s),
        s: reference.sumRows(reference.multiply(dy, x), s.length),
      }),
    });
  }
});

/** f(0.4 · x + 1.1) or f(x): logarithms and roots are of positive numbers. */
function unary(shape: number[], name: keyof typeof reference.functions): Op<"x"> {
  const op = { exp, log, square, sqrt, abs, pseudoHuber }[name], { value, slope } = reference.functions[name];
  const [a, b] = name === "log" || name === "sqrt" ? [0.4, 1.1] : [1, 0];
  return {
    inputs: { x: shape },
    run: (tape, { x }) => op(tape, b === 0 ? x : scale(tape, x, a, b)),
    forward: ({ x }) => make(x.length, (i) => value(a * x[i] + b)),
    backward: (dy, { x }) => ({ x: make(x.length, (i) => dy[i] * a * slope(a * x[i] + b)) }),
  };
}

for (const name of ["exp", "log", "square", "sqrt", "abs", "pseudoHuber"] as const) {
  Deno.test(`${name}: result and gradient, one float or four at a time`, async () => {
    await checkOp(unary([7], name));
    await checkOp(unary([2, 3, 4], name));
  });
}

Deno.test("scale and clamp: result and gradient", async () => {
  for (const shape of [[7], [2, 3, 4]]) {
    await checkOp<"x">({
      inputs: { x: shape },
      run: (tape, { x }) => scale(tape, x, -1.5, 0.25),
      forward: ({ x }) => make(x.length, (i) => -1.5 * x[i] + 0.25),
      backward: (dy) => ({ x: make(dy.length, (i) => -1.5 * dy[i]) }),
    });
    await checkOp<"x">({
      inputs: { x: shape },
      run: (tape, { x }) => clamp(tape, x, -0.5, 0.25),
      forward: ({ x }) => make(x.length, (i) => Math.min(Math.max(x[i], -0.5), 0.25)),
      backward: (dy, { x }) => ({ x: make(dy.length, (i) => x[i] >= -0.5 && x[i] <= 0.25 ? dy[i] : 0) }),
    });
  }
});

Deno.test("at the ends of clamp's range there is a gradient, at 0 of |x| there is none", async () => {
  await gpu.step(async (gpu) => {
    const tape = new Tape(gpu), x = gpu.tensor([-2, -1, 0, 1, 2]);
    x.requiresGrad = true;
    tape.backward(weighted(tape, clamp(tape, x, -1, 1), [1, 2, 3, 4, 5]));
    assert.deepEqual([...await gpu.read(tape.gradient(x))], [0, 2, 3, 4, 0]);
    const other = new Tape(gpu);
    other.backward(weighted(other, abs(other, x), [1, 2, 3, 4, 5]));
    assert.deepEqual([...await gpu.read(other.gradient(x))], [-1, -2, 0, 4, 5]);
  });
});

Deno.test("the pseudo-Huber function of a small value is not rounded to 0", async () => {
  const [value] = await gpu.read(pseudoHuber(new Tape(gpu), gpu.tensor([1e-5])));
  assert.ok(Math.abs(value / 5e-11 - 1) < 1e-6, `${value}`);
});

Deno.test("frozen operands cost nothing", async () => {
  assert.equal(await backwardDispatches(difference([2, 3], [3])), 2);
  assert.equal(await backwardDispatches(difference([2, 3], [3]), "p"), 1);
  assert.equal(await backwardDispatches(product([2, 3], [3])), 3);
  assert.equal(await backwardDispatches(product([2, 3], [3]), "x"), 2);
  assert.equal(await backwardDispatches(product([2, 3], [3]), "p"), 1);
});

Deno.test("arithmetic refuses what does not fit", () => {
  const tape = new Tape(gpu), x = gpu.empty([2, 3]), three = gpu.empty([3]);
  assert.throws(
    () => subtract(tape, x, gpu.empty([2])),
    /subtract the last dimensions of \[2,3\], but found \[2\]/,
  );
  assert.throws(() => multiply(tape, three, x), /multiply the last dimensions of \[3\], but found \[2,3\]/);
  assert.throws(() => scaleRows(tape, x, three), /a number for each image, \[2\], but found \[3\]/);
  assert.throws(() => scaleRows(tape, x, gpu.empty([2, 1])), /but found \[2,1\]/);
  assert.throws(() => clamp(tape, x, 1, 1), /a range to clamp to, but found 1 to 1/);
  assert.throws(() => clamp(tape, x, NaN, 1), /but found NaN to 1/);
});
