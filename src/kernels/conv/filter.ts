/**
 * Host side of filter.wgsl: a filter a channel and its gradients, for learning; depthwise.ts is faster where the filters
 * are frozen.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import { sumColumns } from "../rows/columns.ts";
import { actConstants, actText } from "./act.ts";
import type { Ending } from "./correlate.ts";
import type { Geometry } from "./geometry.ts";
import source from "./filter.wgsl" with { type: "text" };

const SOURCE = actText("f32") + source;
const BLOCK = 256; // windows that a thread adds up in a first run

/** y [B, outH, outW, C] = act(…) of x [B, H, W, C], weight [C, 1, k, k] and bias [C]. */
export function filterMaps(
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  y: Tensor,
  g: Geometry,
  { act = "none" }: Ending = {},
): void {
  launch(gpu, "filter_maps", { x, w: weight, bias: bias ?? weight, y }, g, y.size, { add: !!bias, act });
}

/** The gradient of x [B, H, W, C], written or added. */
export function filterInputGradient(
  gpu: Compute,
  dy: Tensor,
  weight: Tensor,
  _bias: null,
  dx: Tensor,
  g: Geometry,
  { add = false }: Ending = {},
): void {
  launch(gpu, "scatter", { x: dy, w: weight, y: dx }, g, dx.size, { add });
}

/** The gradient of the weight [C, 1, k, k], written or added: sums of blocks, then of these. */
export function filterWeightGradient(
  gpu: Compute,
  dy: Tensor,
  x: Tensor,
  dweight: Tensor,
  add: boolean,
  g: Geometry,
): void {
  const windows = dy.size / dy.shape[3], blocks = Math.ceil(windows / BLOCK);
  const parts = gpu.empty([blocks, dweight.size], "partial gradients");
  launch(gpu, "correlate", { x, w: dy, y: parts }, g, parts.size, { windows, block: BLOCK });
  sumColumns(gpu, parts, dweight, { rows: blocks, columns: dweight.size, accumulate: add });
  gpu.release(parts);
}

function launch(
  gpu: Compute,
  entry: string,
  tensors: { x: Tensor; w: Tensor; y: Tensor; bias?: Tensor },
  { k: K, ...g }: Geometry,
  n: number,
  { add = false, act = "none", windows = 0, block = 0 }: Ending & { windows?: number; block?: number },
): void {
  const { across, grid } = spread(n), constants = { K, ...actConstants(act) };
  const params = { ...g, C: tensors.x.shape[3], n, across, add: add ? 1 : 0, windows, block };
  gpu.stream.dispatch({ name: "filter", source: SOURCE, entry, constants }, { ...tensors }, params, grid);
}
