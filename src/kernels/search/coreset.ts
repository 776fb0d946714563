/**
 * Host side of coreset.wgsl: one step of greedy k-centre selection after another, without anything read in between.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { fill } from "../dense/elementwise.ts";
import source from "./coreset.wgsl" with { type: "text" };

const TAKE = { name: "coreset", source, entry: "take" };
const COVER = { name: "coreset", source, entry: "cover" };
const FARTHEST = { name: "coreset", source, entry: "farthest" };

// Threads that share a piece's points: enough for any adapter, and few enough for one workgroup to look at their finds.
const THREADS = { software: 512, hardware: 1 << 14 };
const FAR = 3e38; // of points, before anything is picked

/** Points that are bound at once, those from `first` on: values [dims, points], both multiples of 4. */
export interface Points {
  values: Tensor;
  first: number;
}

/** Which points were picked, and how far (squared) each was from those before it; [picks] each. */
export interface Picks {
  picks: Tensor<"u32">;
  reach: Tensor;
}

/** Picks that cover points ever more finely. */
export class Cover implements Disposable {
  #gpu: Compute;
  #pieces: { points: Points; nearest: Tensor; threads: number; part: number }[] = [];
  #centre: Tensor;
  #far: Tensor;
  #at: Tensor<"u32">;
  #parts = 0;
  #picks: Picks;
  #done = 0;

  /**
   * @param points all pieces in order, without gaps
   * @param count of points in all; what a piece has beyond the next one's first, the last one beyond these, only fills it up
   * @param start the first pick
   * @param most picks there will be
   */
  constructor(gpu: Compute, points: readonly Points[], count: number, start: number, most: number) {
    this.#gpu = gpu;
    for (const [i, piece] of points.entries()) {
      const size = piece.values.shape[1], nearest = gpu.empty([size], "distances to a coreset");
      fill(gpu, nearest, FAR);
      const filling = piece.first + size - (points[i + 1]?.first ?? count);
      if (filling > 0) {
        gpu.stream.write(nearest.part(size - filling, [filling]), new Float32Array(filling).fill(-1));
      }
      const threads = Math.min(THREADS[gpu.profile.kind], size / 4);
      this.#pieces.push({ points: piece, nearest, threads, part: this.#parts });
      this.#parts += threads;
    }
    this.#centre = gpu.empty([points[0].values.shape[0]], "a pick");
    this.#far = gpu.empty([this.#parts], "farthest points");
    this.#at = gpu.empty([this.#parts], "farthest points", "u32");
    this.#picks = { picks: gpu.empty([most + 1], "picks", "u32"), reach: gpu.empty([most + 1], "picks") };
    gpu.stream.write(this.#picks.picks.part(0, [1]), Uint32Array.of(start));
  }

  /** Picks so far, and one more that is found already. */
  get picks(): Picks {
    return this.#picks;
  }

  /** Records that the last find is picked and the next one is found. */
  next(): void {
    const gpu = this.#gpu, step = this.#done++, { picks, reach } = this.#picks;
    const centre = this.#centre, far = this.#far, at = this.#at, dims = centre.size;
    const params = { dims, quads: 0, first: 0, step, threads: 0, part: 0, parts: this.#parts };
    for (const { points: { values: x, first } } of this.#pieces) {
      const piece = { ...params, first, quads: x.shape[1] / 4 };
      gpu.stream.dispatch(TAKE, { x, centre, picks }, piece, [Math.ceil(dims / 256)]);
    }
    for (const { points: { values: x, first }, nearest, threads, part } of this.#pieces) {
      const piece = { ...params, first, quads: x.shape[1] / 4, threads, part };
      gpu.stream.dispatch(COVER, { x, centre, nearest, far, at }, piece, [Math.ceil(threads / 64)]);
    }
    gpu.stream.dispatch(FARTHEST, { far, at, picks, reach }, params, [1]);
  }

  /** Gives the memory back, but for the points'. */
  [Symbol.dispose](): void {
    const { picks, reach } = this.#picks;
    for (const tensor of [this.#centre, this.#far, this.#at, picks, reach]) this.#gpu.release(tensor);
    for (const { nearest } of this.#pieces) this.#gpu.release(nearest);
  }
}
