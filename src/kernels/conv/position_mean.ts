/**
 * Host side of position_mean.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import source from "./position_mean.wgsl" with { type: "text" };

const BLOCK = 256; // positions a thread adds up in a first run
const TEXTS = { 1: elementText(1) + source, 4: elementText(4) + source };

/**
 * Means over the positions: x [B, H, W, C] → [B, C], added up in an order that depends on H·W alone.
 *
 * @param positions by how many the sum is divided: more than H·W where x has sums of several
 */
export function positionMean(gpu: Compute, x: Tensor, positions?: number): Tensor {
  const [B, H, W, C] = x.shape;
  const scale = 1 / (positions ?? H * W), y = gpu.empty([B, C], "means"), blocks = Math.ceil(H * W / BLOCK);
  if (blocks === 1) {
    launch(gpu, "mean", x, y, B, C, { rows: H * W, block: H * W, blocks, scale, add: 0 });
    return y;
  }
  const parts = gpu.empty([B, blocks, C], "partial means");
  launch(gpu, "mean", x, parts, B, C, { rows: H * W, block: BLOCK, blocks, scale: 1, add: 0 });
  launch(gpu, "mean", parts, y, B, C, { rows: blocks, block: blocks, blocks: 1, scale, add: 0 });
  gpu.release(parts);
  return y;
}

/** The gradient of {@linkcode positionMean}'s x, from dy [B, C], written or added. */
export function positionMeanBackward(gpu: Compute, dy: Tensor, dx: Tensor, add: boolean): void {
  const [B, H, W, C] = dx.shape, rows = H * W, block = 16;
  const given = { rows, block, blocks: Math.ceil(rows / block), scale: 1 / rows, add: add ? 1 : 0 };
  launch(gpu, "gradient", dy, dx, B, C, given);
}

function launch(
  gpu: Compute,
  entry: string,
  x: Tensor,
  y: Tensor,
  B: number,
  C: number,
  given: { rows: number; block: number; blocks: number; scale: number; add: number },
): void {
  const width = C % 4 === 0 ? 4 : 1, name = `position mean${width === 4 ? " vec4" : ""}`;
  const grid = [Math.ceil(C / width / 64), given.blocks, B] as const;
  gpu.stream.dispatch({ name, source: TEXTS[width], entry }, { x, y }, { ...given, C: C / width }, grid);
}
