/**
 * Host side of position_mean.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { FloatTensor, FloatType, Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import { kernelTable } from "../generate.ts";
import source from "./position_mean.wgsl" with { type: "text" };

const BLOCK = 256; // positions a thread adds up in a first run
const EACH = 16; // positions to which a thread hands its gradient

/**
 * Means over the positions: x [B, H, W, C] → [B, C], added up in an order that depends on H·W alone.
 *
 * @param positions by how many the sum is divided: more than H·W where x has sums of several
 * @param dtype of the means
 */
export function positionMean<T extends FloatType = "f32">(
  gpu: Compute,
  x: Tensor,
  positions?: number,
  dtype?: T,
): Tensor<T> {
  const [B, H, W, C] = x.shape, blocks = Math.ceil(H * W / BLOCK);
  const scale = 1 / (positions ?? H * W), y = gpu.empty([B, C], "means", dtype);
  if (blocks === 1) {
    launch(gpu, "mean", x, y, C, [C, blocks, B], { rows: H * W, block: H * W, blocks, scale });
    return y;
  }
  const parts = gpu.empty([B, blocks, C], "partial means");
  launch(gpu, "mean", x, parts, C, [C, blocks, B], { rows: H * W, block: BLOCK, blocks, scale: 1 });
  launch(gpu, "mean", parts, y, C, [C, 1, B], { rows: blocks, block: blocks, blocks: 1, scale });
  gpu.release(parts);
  return y;
}

/** The gradient of {@linkcode positionMean}'s x, from dy [B, C], written or added. */
export function positionMeanBackward(gpu: Compute, dy: Tensor, dx: Tensor, add: boolean): void {
  const [B, H, W, C] = dx.shape, rows = H * W, threads = C * Math.ceil(rows / EACH);
  launch(gpu, "gradient", dy, dx, C, [threads, B], { rows, scale: 1 / rows }, add);
}

const kernel = kernelTable();
const UNUSED = { block: 0, blocks: 0 };

/** @param threads as many as there were if a channel had one each */
function launch(
  gpu: Compute,
  entry: string,
  x: Tensor,
  y: FloatTensor,
  C: number,
  [threads, down, images = 1]: readonly [number, number, number?],
  given: { rows: number; block?: number; blocks?: number; scale: number },
  ADD = false,
): void {
  const width = C % 4 === 0 ? 4 : 1, name = `position mean${width === 4 ? " vec4" : ""}`, constants = { ADD };
  const made = kernel(
    `${name} ${entry} ${ADD} ${y.dtype}`,
    () => ({ name, source: elementText(width, y.dtype) + source, entry, constants }),
  );
  const params = { ...UNUSED, ...given, C: C / width, threads: threads / width };
  gpu.stream.dispatch(made, { x, y }, params, [Math.ceil(threads / width / 64), down, images]);
}
