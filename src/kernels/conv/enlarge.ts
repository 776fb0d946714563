/**
 * Host side of enlarge.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import { each } from "../each.ts";
import { kernelTable } from "../generate.ts";
import source from "./enlarge.wgsl" with { type: "text" };

const MOST = 4; // times as large: F² pixels a thread, and 4·F² values that it reads

/** How many times as large maps [B, h, w, C] become at H×W, where {@linkcode enlarge} can do that; else null. */
export function enlargement({ shape: [, h, w] }: Tensor, [H, W]: readonly [number, number]): number | null {
  const F = H / h;
  return F === W / w && [2, 3, MOST].includes(F) ? F : null;
}

/** F times as large: x [B, h, w, C] → y [B, F·h, F·w, C]. */
export function enlarge(gpu: Compute, x: Tensor, y: Tensor, F: number, mode: "nearest" | "bilinear"): void {
  launch(gpu, mode, { x, y }, x, F, false);
}

/** The gradient of {@linkcode enlarge}'s x, written or added. */
export function enlargeBackward(
  gpu: Compute,
  dy: Tensor,
  dx: Tensor,
  add: boolean,
  F: number,
  mode: "nearest" | "bilinear",
): void {
  launch(gpu, `${mode}_gradient`, { dy, dx }, dx, F, add);
}

function launch(
  gpu: Compute,
  entry: string,
  tensors: Record<string, Tensor>,
  { shape: [B, h, w, channels] }: Tensor,
  F: number,
  ADD: boolean,
): void {
  const width = channels % 4 === 0 ? 4 : 1, C = channels / width;
  gpu.stream.dispatch(kernelOf(entry, F, width, ADD), tensors, { h, w, C }, [Math.ceil(w * C / 64), h, B]);
}

const kernel = kernelTable();

/** The kernel for one factor; its text is made once. */
function kernelOf(entry: string, F: number, width: 1 | 4, ADD: boolean): Kernel {
  const name = `enlarge${width === 4 ? " vec4" : ""}`, around = 2 * F - F % 2;
  return kernel(`${name} ${entry} ${F} ${ADD}`, () => {
    const counts = { p: F, q: F, r: 3, s: 3, u: around, v: around, F };
    return { name, source: elementText(width) + each(source, counts, name), entry, constants: { F, ADD } };
  });
}
