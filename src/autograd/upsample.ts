/**
 * Maps [B, H, W, C] made larger or smaller: torch.nn.functional.interpolate, torch.nn.Upsample.
 *
 * @module
 */
import type { Tensor } from "../gpu/tensor.ts";
import { enlarge, enlargeBackward, enlargement } from "../kernels/conv/enlarge.ts";
import { resize, resizeBackward } from "../kernels/conv/resize.ts";
import type { Tape } from "./tape.ts";

/**
 * Interpolates maps at H×W places, of one neighbour or of four, without looking further where maps become smaller. A nearest
 * neighbour is ⌊i · h / H⌋ exactly, where PyTorch rounds.
 *
 * @param x [B, h, w, C]
 * @param options alignCorners: whether the centres of the corners' pixels lie on each other, not their outer corners; not for
 *   `nearest`; default false
 * @returns [B, H, W, C]
 * @throws {RangeError} where x is no such map, or corners of `nearest` are to be aligned
 */
export function upsample(
  tape: Tape,
  x: Tensor,
  [H, W]: readonly [H: number, W: number],
  mode: "nearest" | "bilinear",
  { alignCorners = false }: { alignCorners?: boolean } = {},
): Tensor {
  const { gpu } = tape, [B, , , C] = x.shape;
  if (x.shape.length !== 4) throw new RangeError(`Expected maps [B, H, W, C], but found [${x.shape}]`);
  if (alignCorners && mode === "nearest") {
    throw new RangeError("Expected bilinear interpolation with aligned corners, but found nearest");
  }
  const how = alignCorners ? "aligned" : mode, y = gpu.empty([B, H, W, C], "resized maps");
  const F = alignCorners ? null : enlargement(x, [H, W]);
  if (F) enlarge(gpu, x, y, F, mode);
  else resize(gpu, x, y, {}, how);
  return tape.record("upsample", y, [x], (dy) => {
    const dx = tape.into(x)!;
    if (F) enlargeBackward(gpu, dy, dx.tensor, dx.add, F, mode);
    else resizeBackward(gpu, dy, dx.tensor, dx.add, how);
  });
}
