/**
 * Host side of normals.wgsl.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { elementText } from "../dense/element.ts";
import dropout from "../dense/dropout.wgsl" with { type: "text" };
import { spread } from "../grid.ts";
import source from "./normals.wgsl" with { type: "text" };

const text = elementText(1) + dropout + source;
const [NORMALS, SAMPLE, SLOPE] = ["normals", "sample", "sample_slope"].map((entry): Kernel => ({
  name: "normals",
  source: text,
  entry,
}));

/**
 * Standard normal numbers of any shape, for instance the latents of a GAN: value i is that of `seed` and i alone, the
 * same on every adapter but for float32's rounding.
 *
 * @param seed 32 bits; the same seed gives the same numbers
 */
export function normals(gpu: Compute, shape: readonly number[], seed: number): Tensor {
  const z = gpu.empty(shape, "normal numbers");
  launch(gpu, NORMALS, { z }, z.size, seed);
  return z;
}

/** z = mu + exp(½ logVariance) ε, ε = {@linkcode normals} of the same shape. */
export function sample(gpu: Compute, mu: Tensor, logVariance: Tensor, z: Tensor, seed: number): void {
  launch(gpu, SAMPLE, { mu, variance: logVariance, z }, z.size, seed);
}

/** Gradient of {@linkcode sample} with respect to logVariance from dz, written or added as `to` says. */
export function sampleBackward(
  gpu: Compute,
  logVariance: Tensor,
  dz: Tensor,
  to: { tensor: Tensor; add: boolean },
  seed: number,
): void {
  launch(gpu, SLOPE, { variance: logVariance, dz, d: to.tensor }, dz.size, seed, to.add);
}

function launch(
  gpu: Compute,
  kernel: Kernel,
  tensors: Record<string, Tensor>,
  n: number,
  seed: number,
  add = false,
): void {
  const { across, grid } = spread(n);
  gpu.stream.dispatch(kernel, tensors, { n, across, seed: seed >>> 0, add: +add }, grid);
}
