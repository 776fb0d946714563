/**
 * What a trained method measures on its training images: the same numbers of each, a batch at a time.
 *
 * @module
 */
import type { Tape } from "../autograd/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { TrainingSet } from "./trainable.ts";
import { type Batch, batchOf, scoringTape, type TrainedModel } from "./trained.ts";

/**
 * What `of` makes of the normal images, one after another.
 *
 * @param of makes as many values of each image
 * @param size images at a time
 */
export async function measured(
  model: TrainedModel,
  { normal, pixels }: Pick<TrainingSet, "normal" | "pixels">,
  of: (tape: Tape, batch: Batch) => Tensor,
  { size, signal }: { size: number; signal?: AbortSignal },
): Promise<Float32Array> {
  const label = new Uint8Array(1), parts: Float32Array[] = [];
  for (let i = 0; i < normal.length; i += size) {
    signal?.throwIfAborted();
    const beside = pixels?.slice(i, i + size);
    const samples = normal.slice(i, i + size).map((features, j) => ({
      features,
      pixels: beside?.[j],
      label,
    }));
    parts.push(
      await model.gpu.step((scope) => scope.read(of(scoringTape(scope), batchOf(scope, model, samples)))),
    );
  }
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
