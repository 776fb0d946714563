/**
 * Host side of unfold.wgsl: what makes a convolution over NHWC maps a matrix product, for some of its windows at a time.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import type { Geometry } from "./geometry.ts";
import source from "./unfold.wgsl" with { type: "text" };

const kernel = (entry: "unfold" | "fold", K: number) => ({ name: "unfold", source, entry, constants: { K } });

/**
 * The patches under windows from `first` on, zeros outside of the map: x [B, H, W, C] → columns [rows, k²·C], channel by
 * channel, as PyTorch's [out, C, k, k] has them.
 */
export function unfold(gpu: Compute, x: Tensor, columns: Tensor, first: number, { k, ...g }: Geometry): void {
  const C = x.shape[3], [rows] = columns.shape, n = rows * C, { across, grid } = spread(n);
  const params = { ...g, C, first, rows, n, across, add: 0 };
  gpu.stream.dispatch(kernel("unfold", k), { x, columns }, params, grid);
}

/**
 * The gradient of {@linkcode unfold}'s x [B, H, W, C] from that of its columns: all of it, where these windows have no
 * part in it 0, or what is there where `add` is set.
 */
export function fold(
  gpu: Compute,
  dcolumns: Tensor,
  dx: Tensor,
  first: number,
  add: boolean,
  { k, ...g }: Geometry,
): void {
  const C = dx.shape[3], [rows] = dcolumns.shape, n = dx.size, { across, grid } = spread(n);
  const params = { ...g, C, first, rows, n, across, add: add ? 1 : 0 };
  gpu.stream.dispatch(kernel("fold", k), { dcolumns, dx }, params, grid);
}
