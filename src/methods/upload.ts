/**
 * Features from the host, some images at a time, for what is learned from them on the GPU.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";

const BYTES = 32 << 20; // together, so that what is made of them has room in a binding too

/** How many images go together: as many as fit, a multiple of 4 where that is more than 4. */
export function batchSize(gpu: Gpu, N: number, C: number): number {
  const fits = Math.floor(Math.min(BYTES, gpu.limits.maxStorageBufferBindingSize / 4) / (4 * N * C));
  return Math.max(1, fits > 4 ? fits - fits % 4 : fits);
}

/** Images in order, `size` together: [B, N, C], for the caller to release. */
export function* uploads(
  gpu: Gpu,
  features: readonly Float32Array[],
  C: number,
  size: number,
): Generator<Tensor> {
  const values = features[0].length;
  for (let first = 0; first < features.length; first += size) {
    const part = features.slice(first, first + size), all = new Float32Array(part.length * values);
    part.forEach((image, i) => all.set(image, i * values));
    const x = gpu.empty([part.length, values / C, C], "features");
    gpu.stream.write(x, all);
    yield x;
  }
}
