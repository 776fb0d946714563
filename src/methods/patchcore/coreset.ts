/**
 * Greedy k-centre selection of patches (Roth et al. 2022, Algorithm 1; Sener and Savarese 2018): pick after pick the patch
 * that is farthest from all picks, with distances after a random projection where there are many channels
 * (Johnson and Lindenstrauss). The first pick is random.
 *
 * @module
 */
import type { Gpu } from "../../gpu/gpu.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Cover, type Points } from "../../kernels/search/coreset.ts";
import { fill } from "../../kernels/dense/elementwise.ts";
import { gemm } from "../../kernels/dense/gemm.ts";
import { Random } from "../../hash.ts";

/** Dimensions that patches with more are projected to. */
export const PROJECTED = 128;

const LOOK_MS = 400; // between read-backs
const MOST_STEPS = 512; // between read-backs

/** How many of the rows are picked: `share` of them, rounded down, and at least one. */
export function coresetRows(rows: number, share: number): number {
  return Math.max(1, Math.floor(rows * share));
}

/**
 * The matrix that rows of C values are projected with, N(0, 1) / √128; the identity where C is not above 128.
 *
 * @param wide C with zeros behind, a multiple of 4
 * @returns [wide, dims], dims = `wide` or 128
 */
export function projection(
  C: number,
  wide: number,
  seed: number,
): { matrix: Float32Array<ArrayBuffer>; dims: number } {
  const dims = C > PROJECTED ? PROJECTED : wide, matrix = new Float32Array(wide * dims);
  const random = new Random(seed, "coreset projection");
  if (C <= PROJECTED) { for (let i = 0; i < wide; i++) matrix[i * dims + i] = 1; }
  else for (let i = 0; i < C * dims; i++) matrix[i] = random.normal() / Math.sqrt(dims);
  return { matrix, dims };
}

/** Which pick is the first. */
export function firstPick(rows: number, seed: number): number {
  return new Random(seed, "coreset start").below(rows);
}

/**
 * Picks rows.
 *
 * @param batches of rows [rows, wide] on the GPU, in order, looked at before the next is asked for; all but the last of
 *   `batchRows` rows
 * @param rows of all batches together
 * @param C of `wide` columns, those that are not zeros
 * @returns the picks' numbers in the order of picking; fewer than `wanted` where the others equal one of them
 */
export async function selectCoreset(
  gpu: Gpu,
  batches: AsyncIterable<Tensor>,
  { rows, batchRows, C, wide }: { rows: number; batchRows: number; C: number; wide: number },
  wanted: number,
  seed: number,
  onPick: (done: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Uint32Array> {
  const { matrix, dims } = projection(C, wide, seed), project = gpu.tensor(matrix, [wide, dims]);
  const points: Points[] = [];
  let cover: Cover | null = null;
  try {
    // Pieces hold whole batches, as columns, filled up to a multiple of 4; the last one has as many as are left.
    const fits = Math.floor(gpu.limits.maxStorageBufferBindingSize / (4 * dims));
    const most = Math.max(1, Math.floor(fits / batchRows)) * batchRows;
    let row = 0;
    for await (const batch of batches) {
      const [count] = batch.shape;
      if (row % most === 0) {
        const columns = Math.ceil(Math.min(most, rows - row) / 4) * 4;
        const values = gpu.empty([dims, columns], "projected patches");
        fill(gpu, values, 0);
        points.push({ values, first: row });
      }
      const { values, first } = points[points.length - 1], ld = values.shape[1];
      gemm(gpu, {
        a: project,
        b: batch,
        c: values,
        M: dims,
        N: count,
        K: wide,
        transA: true,
        transB: true,
        layoutC: { ld, offset: row - first },
        whole: true,
      });
      row += count;
    }
    cover = new Cover(gpu, points, rows, firstPick(rows, seed), wanted);
    return await pick(gpu, cover, wanted, onPick, signal);
  } finally {
    cover?.[Symbol.dispose]();
    gpu.release(project);
    for (const { values } of points) gpu.release(values);
  }
}

async function pick(
  gpu: Gpu,
  cover: Cover,
  wanted: number,
  onPick: (done: number) => void,
  signal?: AbortSignal,
): Promise<Uint32Array> {
  let picked = 1, pace = 1;
  while (picked < wanted) {
    const steps = Math.min(pace, MOST_STEPS, wanted - picked), began = performance.now();
    for (let i = 0; i < steps; i++) cover.next();
    const reach = await gpu.read(cover.picks.reach), end = picked + steps;
    pace = Math.max(1, Math.round(steps * LOOK_MS / (performance.now() - began)));
    // Where the farthest is at no distance, all rows are picked or equal one that is.
    while (picked < end && reach[picked] > 0) picked++;
    onPick(picked);
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    if (picked < end) break;
  }
  return (await gpu.read(cover.picks.picks)).subarray(0, picked);
}
