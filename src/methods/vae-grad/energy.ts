/**
 * The projection of images onto the manifold of normal ones (Dehaene et al. 2020, arXiv 2002.03734): gradient descent on the
 * image x, from x₀ itself, of the energy E(x) = Σ (x − x̂)² + λ Σ |x − x₀|. Each value's step is scaled by how badly it is
 * reconstructed, so that the rest stays: x ← x − α ∇E(x) ⊙ (x − x̂)², within what an image's values can be, 0..1.
 *
 * @module
 */
import { abs, square, subtract } from "../../autograd/arithmetic.ts";
import { sum, weightedSum } from "../../autograd/reductions.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { accumulate, add, multiply } from "../../kernels/dense/elementwise.ts";
import { apply } from "../../kernels/dense/functions.ts";
import type { Network } from "../../model/network.ts";
import { scoringTape } from "../trained.ts";
import { reconstruct } from "../vae/net.ts";

/** How images are projected. */
export interface Projection {
  /** T: steps. */
  iterations: number;
  /** λ */
  l1_weight: number;
  /** α */
  step_size: number;
}

/**
 * x_T of images.
 *
 * @param x0 [B, S, S, 3]
 * @returns of the same shape, for the caller to release
 */
export async function project(
  gpu: Gpu,
  vae: Network,
  x0: Tensor,
  { iterations, l1_weight, step_size }: Projection,
): Promise<Tensor> {
  const x = gpu.empty(x0.shape, "projected images");
  try {
    await gpu.step((gpu) => accumulate(gpu, x0, x, false));
    for (let t = 0; t < iterations; t++) {
      await gpu.step((gpu) => { // its own, so that memory does not grow with them
        const { gradient, errors } = energyGradient(gpu, vae, x, x0, l1_weight);
        const [masked, moved] = ["a masked gradient", "moved images"].map((what) => gpu.empty(x.shape, what));
        multiply(gpu, gradient, errors, masked);
        add(gpu, x, masked, moved, -step_size);
        apply(gpu, { name: "clamp", a: 0, b: 1 }, moved, x);
      });
    }
    return x;
  } catch (error) {
    gpu.release(x);
    throw error;
  }
}

/** ∇E(x), and (x − x̂)², which it is masked with: of x's shape. */
export function energyGradient(
  gpu: Compute,
  vae: Network,
  x: Tensor,
  x0: Tensor,
  l1_weight: number,
): { gradient: Tensor; errors: Tensor } {
  const tape = scoringTape(gpu, true);
  x.requiresGrad = true;
  const errors = square(tape, subtract(tape, x, reconstruct(vae, tape, x, { frozen: true })));
  const distance = sum(tape, abs(tape, subtract(tape, x, x0)));
  tape.backward(weightedSum(tape, [[1, sum(tape, errors)], [l1_weight, distance]]));
  return { gradient: tape.gradient(x), errors };
}
