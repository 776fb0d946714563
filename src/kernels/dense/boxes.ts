/**
 * Host side of boxes.wgsl: parts of tensors that are no one piece of memory, copied or added.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import { elementText } from "./element.ts";
import source from "./boxes.wgsl" with { type: "text" };

const COPY = {
  1: { name: "boxes", source: elementText(1) + source, entry: "copy" },
  4: { name: "boxes vec4", source: elementText(4) + source, entry: "copy" },
};

/** Where a box's runs lie in a tensor, in floats: run (o, m) begins at offset + o · outer + m · middle. */
export interface Side {
  /** Default 0. */
  offset?: number;
  /** Default 0: repeated. */
  outer?: number;
  /** Default 0: repeated. */
  middle?: number;
}

/** y = x, or y += x if `add`, over outer × middle runs of `inner` values that lie next to each other. */
export function copyBox(
  gpu: Compute,
  x: Tensor,
  from: Side,
  y: Tensor,
  to: Side,
  [outer, middle, inner]: readonly [outer: number, middle: number, inner: number],
  add = false,
): void {
  const sides = [from, to].map(({ offset = 0, outer = 0, middle = 0 }) => [offset, outer, middle]);
  for (const [side, { size, shape }] of [[sides[0], x], [sides[1], y]] as const) {
    const end = side[0] + (outer - 1) * side[1] + (middle - 1) * side[2] + inner;
    if (end > size) throw new RangeError(`Expected a box within [${shape}], but found one up to ${end}`);
  }
  const width = [inner, ...sides.flat()].every((n) => n % 4 === 0) ? 4 : 1;
  const [[fromOffset, fromOuter, fromMiddle], [toOffset, toOuter, toMiddle]] = sides.map((side) =>
    side.map((n) => n / width)
  );
  const { across, grid } = spread(outer * middle * inner / width);
  const params = { outer, middle, inner: inner / width, across, add: add ? 1 : 0 };
  gpu.stream.dispatch(
    COPY[width],
    { x, y },
    { ...params, fromOffset, fromOuter, fromMiddle, toOffset, toOuter, toMiddle },
    grid,
  );
}
