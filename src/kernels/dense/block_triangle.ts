/**
 * Host side of block_triangle.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import { elementText } from "./element.ts";
import source from "./block_triangle.wgsl" with { type: "text" };

const KEEP = {
  1: { name: "block triangle", source: elementText(1) + source, entry: "keep" },
  4: { name: "block triangle vec4", source: elementText(4) + source, entry: "keep" },
};

/** The blocks of a matrix, and which of them are kept. */
export interface Blocks {
  /** Rows of a block. */
  height: number;
  /** Columns of a block. */
  width: number;
  /** Whether those on the diagonal are not kept either. */
  strict: boolean;
}

/** y = x in the blocks that are kept and 0 elsewhere, or y += that if `add`: x [blocks · height, blocks · width]. */
export function blockTriangle(
  gpu: Compute,
  x: Tensor,
  y: Tensor,
  { height, width, strict }: Blocks,
  add: boolean,
): void {
  const wide = width % 4 === 0 ? 4 : 1, n = x.size / wide, { across, grid } = spread(n);
  const params = { columns: x.shape[1] / wide, height, width: width / wide, strict: +strict, add: +add };
  gpu.stream.dispatch(KEEP[wide], { x, y }, { n, across, ...params }, grid);
}
