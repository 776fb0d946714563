/**
 * Host side of unfold.wgsl: what makes a 3×3 convolution over NHWC maps a matrix product, for some of the positions at
 * a time.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import source from "./unfold.wgsl" with { type: "text" };

const UNFOLD = { name: "unfold", source, entry: "unfold" };
const FOLD = { name: "unfold", source, entry: "fold" };

/**
 * The 3×3 neighbourhoods of positions from `first` on, zeros outside of the map: x [B, H, W, C] → columns [rows, 9·C],
 * channel by channel, as PyTorch's [out, C, 3, 3] has them.
 */
export function unfold(gpu: Compute, x: Tensor, columns: Tensor, first: number): void {
  const [, H, W, C] = x.shape, [rows] = columns.shape, n = rows * C, { across, grid } = spread(n);
  gpu.stream.dispatch(UNFOLD, { x, columns }, { H, W, C, first, rows, n, across, add: 0 }, grid);
}

/**
 * The gradient of {@linkcode unfold}'s x [B, H, W, C] from that of its columns: all of it, where these positions have no
 * part in it 0, or what is there where `add` is set.
 */
export function fold(gpu: Compute, dcolumns: Tensor, dx: Tensor, first: number, add: boolean): void {
  const [, H, W, C] = dx.shape, [rows] = dcolumns.shape, n = dx.size, { across, grid } = spread(n);
  gpu.stream.dispatch(
    FOLD,
    { dcolumns, dx },
    { H, W, C, first, rows, n, across, add: add ? 1 : 0 },
    grid,
  );
}
