/**
 * Host side of functions.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { kernelTable } from "../generate.ts";
import { spread } from "../grid.ts";
import { elementText } from "./element.ts";
import source from "./functions.wgsl" with { type: "text" };

const NUMBERS = { exp: 0, log: 1, square: 2, sqrt: 3, abs: 4, affine: 5, clamp: 6, pseudoHuber: 7 };

/** What is computed, with the numbers it takes: a · x + b, or at least `a` and at most `b`. */
export interface UnaryFunction {
  name: keyof typeof NUMBERS;
  a?: number;
  b?: number;
}

/** y = f(x). */
export function apply(gpu: Compute, f: UnaryFunction, x: Tensor, y: Tensor): void {
  launch(gpu, "forward", f, { x, y }, false);
}

/** dx = dy · f'(x) of the result y = f(x), or dx += that if `add`. */
export function applyBackward(
  gpu: Compute,
  f: UnaryFunction,
  dy: Tensor,
  x: Tensor,
  y: Tensor,
  dx: Tensor,
  add: boolean,
): void {
  launch(gpu, "backward", f, { x, result: y, dy, dx }, add);
}

const kernel = kernelTable();

function launch(
  gpu: Compute,
  entry: "forward" | "backward",
  { name, a = 0, b = 0 }: UnaryFunction,
  tensors: Record<string, Tensor> & { x: Tensor },
  add: boolean,
): void {
  const { size } = tensors.x, width = size % 4 === 0 ? 4 : 1, n = size / width, { across, grid } = spread(n);
  const made = kernel(`${name} ${entry} ${width}`, (): Kernel => ({
    name: `${name}${width === 4 ? " vec4" : ""}`,
    source: elementText(width) + source,
    entry,
    constants: { F: NUMBERS[name] },
  }));
  gpu.stream.dispatch(made, tensors, { n, across, add: add ? 1 : 0, a, b }, grid);
}
