/**
 * A kernel at one shape, ready to be timed.
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Random } from "../hash.ts";
import { rate, type Row, type Work } from "./row.ts";
import type { Stopwatch } from "./timing.ts";

/** What to time. Tensors that `prepare` makes by `noise` are released once that is done. */
export interface Case extends Pick<Row, "name" | "shape" | "note"> {
  work: Work;
  /** The same for another engine: bench/hardware/torch_peer.py. */
  peer?: Peer;
  /** Makes the operands. @returns what records the work once, within a step */
  prepare(gpu: Gpu, noise: Noise): () => void;
}

/** Work by its name, and all that it takes to do the same. */
export type Peer = { op: string } & Record<string, unknown>;

/** A tensor of that shape with values in −1..1. */
export type Noise = (...shape: number[]) => Tensor;

const PATTERN = Float32Array.from({ length: 1 << 16 }, function (this: Random) {
  return this.range(-1, 1);
}, new Random(0, "noise"));

/** As many values in −1..1 as are asked for; they repeat. */
export function noiseOf(size: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i += PATTERN.length) values.set(PATTERN.subarray(0, size - i), i);
  return values;
}

/** Times a case. */
export async function timeCase(gpu: Gpu, watch: Stopwatch, c: Case): Promise<Row> {
  const made: Tensor[] = [];
  const run = c.prepare(gpu, (...shape) => {
    const tensor = gpu.tensor(noiseOf(shape.reduce((a, b) => a * b)), shape);
    made.push(tensor);
    return tensor;
  });
  const { ms } = await watch.time(run);
  for (const tensor of made) gpu.release(tensor);
  return { name: c.name, shape: c.shape, note: c.note, ms, ...rate(c.work, ms) };
}

/** A model to be timed. */
export interface ModelCase extends Pick<Row, "name" | "shape" | "note"> {
  measure(): Promise<Omit<Row, "name" | "shape" | "note">>;
}
