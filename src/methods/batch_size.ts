/**
 * How many images' features go to the GPU together, for what is learned from them there.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";

const BYTES = 32 << 20; // together, so that what is made of them has room in a binding too

/** How many images go together: as many as fit, a multiple of 4 where that is more than 4. */
export function batchSize(gpu: Gpu, N: number, C: number): number {
  const fits = Math.floor(Math.min(BYTES, gpu.limits.maxStorageBufferBindingSize / 4) / (4 * N * C));
  return Math.max(1, fits > 4 ? fits - fits % 4 : fits);
}
