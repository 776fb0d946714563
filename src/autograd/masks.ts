/**
 * Weights of which a part is held at zero.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { blockTriangle as kept } from "../kernels/dense/block_triangle.ts";
import type { Tape } from "./tape.ts";

/**
 * A matrix of `blocks` × `blocks` blocks, of which only those on and below the diagonal are kept, zeros elsewhere: torch.tril
 * of blocks. A linear layer with such a weight has blocks of results that depend on the blocks of x up to theirs only.
 *
 * @param x [blocks · height, blocks · width]
 * @param options strict: whether those on the diagonal are zeros too, so that results depend on the blocks before theirs
 * @returns of x's shape
 * @throws {RangeError} where x is no such matrix
 */
export function blockTriangle(
  tape: Tape,
  x: Tensor,
  blocks: number,
  { strict = false }: { strict?: boolean } = {},
): Tensor {
  const { gpu } = tape, [height, width] = x.shape.map((n) => n / blocks);
  if (x.shape.length !== 2 || !Number.isInteger(height) || !Number.isInteger(width)) {
    throw new RangeError(`Expected a matrix of ${blocks} × ${blocks} blocks, but found [${x.shape}]`);
  }
  const y = gpu.empty(x.shape, "a matrix of blocks"), of = { height, width, strict };
  kept(gpu, x, y, of, false);
  return tape.record("blockTriangle", y, [x], (dy) => {
    const { tensor, add } = tape.into(x)!;
    kept(gpu, dy, tensor, of, add);
  });
}
