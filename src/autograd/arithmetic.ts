/**
 * Arithmetic value by value: differences, products, and functions of one value under torch's names.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { reduceImages } from "../kernels/conv/reduce.ts";
import * as elementwise from "../kernels/dense/elementwise.ts";
import { apply, applyBackward, type UnaryFunction } from "../kernels/dense/functions.ts";
import { sumColumns } from "../kernels/rows/columns.ts";
import * as rows from "../kernels/rows/scaled.ts";
import type { Tape } from "./tape.ts";

/**
 * x − p, where p's shape is that of x or its last dimensions: p is subtracted from each of the parts of x.
 *
 * @throws {RangeError} where it is not
 */
export function subtract(tape: Tape, x: Tensor, p: Tensor): Tensor {
  const { gpu } = tape, y = gpu.empty(x.shape, "a difference");
  checkLast("subtract", x, p);
  elementwise.add(gpu, x, p, y, -1);
  return tape.record("subtract", y, [x, p], (dy) => {
    const dx = tape.into(x);
    if (dx) elementwise.accumulate(gpu, dy, dx.tensor, dx.add);
    addParts(tape, dy, p, -1);
  });
}

/**
 * x · p value by value, where p's shape is that of x or its last dimensions: p multiplies each of the parts of x.
 *
 * @throws {RangeError} where it is not
 */
export function multiply(tape: Tape, x: Tensor, p: Tensor): Tensor {
  const { gpu } = tape, y = gpu.empty(x.shape, "a product");
  checkLast("multiply", x, p);
  elementwise.multiply(gpu, x, p, y);
  return tape.record("multiply", y, [x, p], (dy) => {
    const dx = tape.into(x);
    if (dx) elementwise.multiply(gpu, dy, p, dx.tensor, dx.add);
    if (!p.requiresGrad) return;
    const products = gpu.empty(x.shape, "a gradient of parts");
    elementwise.multiply(gpu, dy, x, products);
    addParts(tape, products, p, 1);
    gpu.release(products);
  });
}

/**
 * Each image times a number of its own.
 *
 * @param x [B, ...]
 * @param s [B]
 * @throws {RangeError} where s is of another shape
 */
export function scaleRows(tape: Tape, x: Tensor, s: Tensor): Tensor {
  const { gpu } = tape, [B] = x.shape, y = gpu.empty(x.shape, "scaled images");
  if (`${s.shape}` !== `${[B]}`) {
    throw new RangeError(`Expected a number for each image, [${B}], but found [${s.shape}]`);
  }
  rows.scaleRows(gpu, x, s, y, false);
  return tape.record("scaleRows", y, [x, s], (dy) => {
    const dx = tape.into(x);
    if (dx) rows.scaleRows(gpu, dy, s, dx.tensor, dx.add);
    const ds = tape.into(s);
    if (!ds) return;
    const products = gpu.empty(x.shape, "a gradient of images");
    elementwise.multiply(gpu, dy, x, products);
    const sums = reduceImages(gpu, products.view([B, x.size / B]), "sum");
    elementwise.accumulate(gpu, sums, ds.tensor, ds.add);
    for (const tensor of [products, sums]) gpu.release(tensor);
  });
}

/** factor · x + offset. */
export function scale(tape: Tape, x: Tensor, factor: number, offset = 0): Tensor {
  return applied(tape, x, { name: "affine", a: factor, b: offset });
}

/** eˣ: torch.exp. */
export function exp(tape: Tape, x: Tensor): Tensor {
  return applied(tape, x, { name: "exp" });
}

/** The natural logarithm: torch.log. */
export function log(tape: Tape, x: Tensor): Tensor {
  return applied(tape, x, { name: "log" });
}

/** x². */
export function square(tape: Tape, x: Tensor): Tensor {
  return applied(tape, x, { name: "square" });
}

/** √x. At 0 its gradient is not finite, as in PyTorch: add a little, or clamp, before. */
export function sqrt(tape: Tape, x: Tensor): Tensor {
  return applied(tape, x, { name: "sqrt" });
}

/** |x|; its gradient at 0 is 0. */
export function abs(tape: Tape, x: Tensor): Tensor {
  return applied(tape, x, { name: "abs" });
}

/**
 * At least `low` and at most `high`: torch.clamp. Values beyond have no gradient.
 *
 * @throws {RangeError} where low is not below high
 */
export function clamp(tape: Tape, x: Tensor, low: number, high: number): Tensor {
  if (!(low < high)) throw new RangeError(`Expected a range to clamp to, but found ${low} to ${high}`);
  return applied(tape, x, { name: "clamp", a: low, b: high });
}

/** √(x² + 1) − 1, the pseudo-Huber function: x² / 2 next to 0, |x| − 1 far from it, smooth between. */
export function pseudoHuber(tape: Tape, x: Tensor): Tensor {
  return applied(tape, x, { name: "pseudoHuber" });
}

function applied(tape: Tape, x: Tensor, f: UnaryFunction): Tensor {
  const { gpu } = tape, y = gpu.empty(x.shape, `a result of ${f.name}`);
  apply(gpu, f, x, y);
  return tape.record(f.name, y, [x], (dy) => {
    const { tensor, add } = tape.into(x)!;
    applyBackward(gpu, f, dy, x, y, tensor, add);
  });
}

function checkLast(what: string, x: Tensor, p: Tensor): void {
  if (`${x.shape.slice(x.shape.length - p.shape.length)}` === `${p.shape}`) return;
  throw new RangeError(`Expected to ${what} the last dimensions of [${x.shape}], but found [${p.shape}]`);
}

/** The gradient of p, which served each part of x: scale · the sum of the parts' gradients g. */
function addParts(tape: Tape, g: Tensor, p: Tensor, scale: number): void {
  const { gpu } = tape, dp = tape.into(p), count = g.size / p.size;
  if (dp && count > 1) {
    sumColumns(gpu, g, dp.tensor, { rows: count, columns: p.size, accumulate: dp.add, scale });
  } else if (dp) elementwise.accumulate(gpu, g, dp.tensor, dp.add, scale);
}
