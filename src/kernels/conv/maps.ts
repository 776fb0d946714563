/**
 * What torch.nn.Conv2d and torch.nn.ConvTranspose2d are made of, over NHWC maps: a convolution, its input's gradient (which is
 * the transposed convolution) and its weight's. Matrix products of the patches under windows [windows, k² · C] and the
 * weight [O, k² · C], some windows at a time.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { add as addRepeated } from "../dense/elementwise.ts";
import { gemm } from "../dense/gemm.ts";
import type { Geometry } from "./geometry.ts";
import { fold, unfold } from "./unfold.ts";

/** z [B, outH, outW, O] = conv2d(x [B, H, W, C], weight [O, C, k, k]) + bias [O], written or added. */
export function convolve(
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  z: Tensor,
  g: Geometry,
  add = false,
): void {
  for (const { first, rows, N, K, layout: layoutC } of chunks(gpu, weight, z, g)) {
    const columns = gpu.empty([rows, K], "a convolution's patches");
    unfold(gpu, x, columns, first, g);
    const product = { a: columns, b: weight, c: z, M: rows, N, K, transB: true, layoutC };
    gemm(gpu, { ...product, bias: bias ?? undefined, beta: add ? 1 : 0, whole: true });
    gpu.release(columns);
  }
}

/** dx [B, H, W, C], written or added: the gradient of {@linkcode convolve}'s x from that of z. */
export function convolveInput(
  gpu: Compute,
  dz: Tensor,
  weight: Tensor,
  dx: Tensor,
  add: boolean,
  g: Geometry,
): void {
  for (const { first, rows, N, K, layout: layoutA } of chunks(gpu, weight, dz, g)) {
    const columns = gpu.empty([rows, K], "gradients of a convolution's patches");
    gemm(gpu, { a: dz, b: weight, c: columns, M: rows, N: K, K: N, layoutA, whole: true });
    fold(gpu, columns, dx, first, add || first > 0, g);
    gpu.release(columns);
  }
}

/** z [B, H, W, C] = convTranspose2d(x [B, outH, outW, O], weight [O, C, k, k]) + bias [C]. */
export function transpose(
  gpu: Compute,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  z: Tensor,
  g: Geometry,
): void {
  if (!bias) return convolveInput(gpu, x, weight, z, false, g);
  const sums = gpu.empty(z.shape, "a transposed convolution's sums");
  convolveInput(gpu, x, weight, sums, false, g);
  addRepeated(gpu, sums, bias, z);
  gpu.release(sums);
}

/** dweight [O, C, k, k], written or added: the gradient of {@linkcode convolve}'s weight from that of z. */
export function convolveWeight(
  gpu: Compute,
  dz: Tensor,
  x: Tensor,
  dweight: Tensor,
  add: boolean,
  g: Geometry,
): void {
  for (const { first, rows, N, K, layout: layoutA } of chunks(gpu, dweight, dz, g)) {
    const columns = gpu.empty([rows, K], "a convolution's patches");
    unfold(gpu, x, columns, first, g);
    const beta = add || first > 0 ? 1 : 0;
    gemm(gpu, { a: dz, b: columns, c: dweight, M: N, N: K, K: rows, transA: true, layoutA, beta });
    gpu.release(columns);
  }
}

/** The patches that are there at once take up to this many bytes: k² times as many as their map. */
const CHUNK_BYTES = 64 << 20;

/**
 * The windows over maps in parts, each with its place in the result [B, outH, outW, N]: some images each, or parts of one
 * that are the same for all, so that an image's result does not depend on what is beside it.
 */
function chunks(gpu: Compute, weight: Tensor, z: Tensor, { outH, outW }: Geometry) {
  const N = weight.shape[0], K = weight.size / N, M = z.size / N, image = outH * outW;
  const room = Math.min(gpu.limits.maxStorageBufferBindingSize, CHUNK_BYTES);
  const most = Math.max(1, Math.floor(room / (4 * K)));
  const size = most < image ? most : most - most % image, whole = Math.max(image, size);
  const parts: { first: number; rows: number }[] = [];
  for (let at = 0; at < M; at += whole) {
    const end = Math.min(M, at + whole);
    for (let first = at; first < end; first += size) parts.push({ first, rows: Math.min(size, end - first) });
  }
  return parts.map((part) => ({ ...part, N, K, layout: { ld: N, offset: part.first * N } }));
}
