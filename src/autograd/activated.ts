/**
 * The activation at the end of an op that has one, and the gradient before it.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Act } from "../kernels/conv/act.ts";
import { activate, activateBackward } from "../kernels/conv/activation.ts";

/** y = act(z), and what makes dz of dy and y: a tensor of its own, or dy where nothing is between them. */
export interface Activated {
  y: Tensor;
  gradient: (dy: Tensor) => Tensor;
}

/** Ends an op whose result so far is z, which belongs to this from here on. */
export function activated(gpu: Compute, act: Act, z: Tensor): Activated {
  if (act === "none") return { y: z, gradient: (dy) => dy };
  const y = gpu.empty(z.shape, "an activation's output");
  activate(gpu, act, z, y);
  if (act !== "silu") gpu.release(z); // whose gradient alone looks at it
  return {
    y,
    gradient(dy) {
      const dz = gpu.empty(dy.shape, "a gradient before an activation");
      activateBackward(gpu, act, dy, y, act === "silu" ? z : y, dz);
      return dz;
    },
  };
}
