/**
 * Host side of band.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import { kernelTable } from "../generate.ts";
import source from "./band.wgsl" with { type: "text" };

/** A linear map along an axis, whose outputs are made of `taps` inputs beside each other, each from another place on. */
export interface Band {
  /** How many values the axis has before. */
  readonly inputs: number;
  /** How many inputs an output is made of. */
  readonly taps: number;
  /** The first of them, of every output. */
  readonly first: Uint32Array<ArrayBuffer>;
  /** [outputs, taps] */
  readonly weights: Float32Array<ArrayBuffer>;
}

const GROUP = 64, ROWS = 4;

/**
 * Both axes of maps, one after the other: x [B, down.inputs, across.inputs] → [B, down's outputs, across's outputs].
 *
 * @throws {RangeError} where the maps have other sizes
 */
export function alongAxes(gpu: Compute, x: Tensor, down: Band, across: Band): Tensor {
  const [B, h, w] = x.shape, H = down.first.length, W = across.first.length;
  if (h !== down.inputs || w !== across.inputs) {
    throw new RangeError(`Expected maps of ${down.inputs}×${across.inputs}, but found [${x.shape}]`);
  }
  const width = W % 4 === 0 ? 4 : 1, rows = B * h, columns = W / width;
  const half = gpu.empty([B, h, W], "maps along an axis"), y = gpu.empty([B, H, W], "maps along both axes");
  const bands = [...new Set([across, down])].map(({ first, weights }) => (
    { first: gpu.tensor(first), weights: gpu.tensor(weights) }
  ));
  gpu.stream.dispatch(
    kernelOf("across", 1),
    { x, ...bands[0], y: half },
    { rows, inputs: w, outputs: W, columns: 0, taps: across.taps },
    [Math.ceil(W / GROUP), Math.ceil(rows / ROWS)],
  );
  gpu.stream.dispatch(
    kernelOf("down", width),
    { x: half, ...bands.at(-1)!, y },
    { rows: 0, inputs: h, outputs: H, columns, taps: down.taps },
    [Math.ceil(columns / GROUP), H, B],
  );
  for (const { first, weights } of bands) {
    gpu.release(first);
    gpu.release(weights);
  }
  gpu.release(half);
  return y;
}

const kernel = kernelTable();

function kernelOf(entry: string, width: 1 | 4): Kernel {
  const name = `band${width === 4 ? " vec4" : ""}`;
  return kernel(`${name} ${entry}`, () => ({ name, source: elementText(width) + source, entry }));
}
