/**
 * What a trained method measures on its training images: the same numbers of each, a batch at a time.
 *
 * @module
 */
import type { Tape } from "../autograd/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { batches } from "../model/batches.ts";
import { scoringTape, type TrainedModel } from "./trained.ts";

/**
 * What `of` makes of images, one after another.
 *
 * @param images pixels [S · S, 3] of each
 * @param of makes as many values of each image: pixels [B, S, S, 3] → [B, …]
 * @param size images at a time
 */
export async function measured(
  { gpu, sizes: { S } }: TrainedModel,
  images: readonly Float32Array[],
  of: (tape: Tape, pixels: Tensor) => Tensor,
  { size, signal }: { size: number; signal?: AbortSignal },
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const x of batches(gpu, images, { C: 3, H: S, W: S }, size)) {
    signal?.throwIfAborted();
    parts.push(
      await gpu.step((scope) => scope.read(of(scoringTape(scope), x.view([x.shape[0], S, S, 3])))),
    );
  }
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
