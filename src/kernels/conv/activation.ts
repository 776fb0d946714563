/**
 * Host side of activation.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { spread } from "../grid.ts";
import { type Act, actConstants, actText } from "./act.ts";
import source from "./activation.wgsl" with { type: "text" };

const SOURCES = { 1: actText("f32") + source, 4: actText("vec4f") + source };

/** y = act(x). */
export function activate(gpu: Compute, act: Act, x: Tensor, y: Tensor): void {
  launch(gpu, "forward", act, { x, y });
}

/** dz = dy · act'(z) of the result y = act(z), or added to what is there; z is read for SiLU only. */
export function activateBackward(
  gpu: Compute,
  act: Act,
  dy: Tensor,
  y: Tensor,
  z: Tensor,
  dz: Tensor,
  add = false,
): void {
  launch(gpu, "backward", act, { x: y, z, dy, y: dz }, add);
}

function launch(gpu: Compute, entry: string, act: Act, tensors: Record<string, Tensor>, add = false): void {
  const { size } = tensors.y, width = size % 4 === 0 ? 4 : 1, n = size / width, { across, grid } = spread(n);
  const kernel = { name: `activation ${width}`, source: SOURCES[width], entry, constants: actConstants(act) };
  gpu.stream.dispatch(kernel, tensors, { n, across, add: add ? 1 : 0 }, grid);
}
