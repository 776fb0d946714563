/**
 * Host side of elementwise.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { elementText } from "./element.ts";
import { kernelTable } from "../generate.ts";
import { spread } from "../grid.ts";
import source from "./elementwise.wgsl" with { type: "text" };

/** y = x + scale · p, where p's values repeat over x's: y = x + p[i mod p.size]. */
export function add(gpu: Compute, x: Tensor, p: Tensor, y: Tensor, scale = 1): void {
  if (x.size % p.size !== 0) throw new RangeError(`Expected [${p.shape}] to divide [${x.shape}]`);
  launch(gpu, "sum", { x, p, y }, { period: p.size, scale });
}

/** y = x ∘ p, where p's values repeat over x's, or y += x ∘ p if `add`. */
export function multiply(gpu: Compute, x: Tensor, p: Tensor, y: Tensor, add = false): void {
  if (x.size % p.size !== 0) throw new RangeError(`Expected [${p.shape}] to divide [${x.shape}]`);
  launch(gpu, "product", { x, p, y }, { period: p.size, add });
}

/** y = scale · x, or y += scale · x if `add`. */
export function accumulate(gpu: Compute, x: Tensor, y: Tensor, add: boolean, scale = 1): void {
  launch(gpu, "accumulate", { x, y }, { add, scale });
}

/** y = value everywhere. */
export function fill(gpu: Compute, y: Tensor, value: number): void {
  launch(gpu, "fill", { y }, { scale: value });
}

/** dx = scale · dy where the output y of ReLU (and of a dropout that scaled by `scale`) is positive, else 0. */
export function reluBackward(gpu: Compute, dy: Tensor, y: Tensor, dx: Tensor, scale = 1): void {
  launch(gpu, "rectified", { x: dy, p: y, y: dx }, { scale });
}

type Entry = "sum" | "product" | "accumulate" | "fill" | "rectified";

function launch(
  gpu: Compute,
  entry: Entry,
  tensors: { y: Tensor; x?: Tensor; p?: Tensor },
  given: { period?: number; add?: boolean; scale?: number },
): void {
  const { size } = tensors.y;
  if (tensors.x && tensors.x.size !== size) {
    throw new RangeError(
      `Expected tensors of one size, but found [${tensors.x.shape}] and [${tensors.y.shape}]`,
    );
  }
  const { period = size, add = false, scale = 1 } = given;
  const width = [size, period].every((n) => n % 4 === 0) ? 4 : 1;
  const n = size / width, { across, grid } = spread(n);
  const params = { n, period: period / width, across, scale };
  const made = kernelOf(entry, width, { ADD: add, REPEATS: period < size });
  gpu.stream.dispatch(made, tensors as Record<string, Tensor>, params, grid);
}

const kernel = kernelTable();

function kernelOf(entry: Entry, width: 1 | 4, constants: { ADD: boolean; REPEATS: boolean }): Kernel {
  const name = `elementwise${width === 4 ? " vec4" : ""}`;
  return kernel(`${name} ${entry} ${constants.ADD} ${constants.REPEATS}`, () => {
    return { name, source: elementText(width) + source, entry, constants };
  });
}
