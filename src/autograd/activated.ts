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

/**
 * Ends an op with an activation.
 *
 * @param shape of its result
 * @param compute writes the op's result, by a kernel with that activation at its end
 */
export function activated(
  gpu: Compute,
  act: Act,
  shape: readonly number[],
  compute: (into: Tensor, act: Act) => void,
): Activated {
  const z = gpu.empty(shape, "a result");
  if (act === "none") {
    compute(z, act);
    return { y: z, gradient: (dy) => dy };
  }
  let y = z;
  if (act === "silu") { // whose gradient looks at what comes before it
    y = gpu.empty(shape, "an activation's output");
    compute(z, "none");
    activate(gpu, act, z, y);
  } else compute(z, act);
  return {
    y,
    gradient(dy) {
      const dz = gpu.empty(dy.shape, "a gradient before an activation");
      activateBackward(gpu, act, dy, y, z, dz);
      return dz;
    },
  };
}
