/**
 * How long work takes on the GPU: by the host's clock, from the first command to a read-back that waits for all of
 * them, less what a read-back alone takes. Timestamp queries agree within noise (llvmpipe, 2026-11), but cost a pass a
 * dispatch and are not on every adapter.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Gpu } from "../gpu/gpu.ts";

/** How long one piece of work takes, milliseconds. */
export interface Timing {
  /** Median of the runs. */
  ms: number;
  /** The fastest run. */
  best: number;
  /** The first run, which compiles the kernels. */
  cold: number;
}

const RUNS = 5;
const FEWEST_RUNS = 3;
const ENOUGH_MS = 3000; // after which the fewest runs will do
const LEAST_MS = 60; // a run of short work does it as often as fills this: a read-back's noise is about 1 ms
const MOST_REPEATS = 2000;

/** Measures on one GPU. */
export class Stopwatch {
  readonly #gpu: Gpu;
  /** Milliseconds that a read-back takes where there is nothing to wait for. */
  readonly readBack: number;

  private constructor(gpu: Gpu, readBack: number) {
    this.#gpu = gpu;
    this.readBack = readBack;
  }

  /** Measures the read-back first. */
  static async start(gpu: Gpu): Promise<Stopwatch> {
    const idle = new Stopwatch(gpu, 0);
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) waits.push(await idle.once(() => {}, 1));
    return new Stopwatch(gpu, median(waits));
  }

  /**
   * Times work: once cold, once to see how often it fits into a run, then in 5 runs, or 3 where
   * they take long. Each time
   * it is done in a step of its own.
   *
   * @param work records it
   */
  async time(work: (gpu: Compute) => void | Promise<void>): Promise<Timing> {
    const cold = await this.once(work, 1), warm = await this.once(work, 1);
    const repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(LEAST_MS / Math.max(warm, 1e-3))));
    const runs = repeats === 1 ? [warm] : [];
    const began = performance.now();
    while (runs.length < RUNS && (runs.length < FEWEST_RUNS || performance.now() - began < ENOUGH_MS)) {
      runs.push(await this.once(work, repeats));
    }
    return { ms: median(runs), best: Math.min(...runs), cold };
  }

  /** Milliseconds that one of `repeats` takes, the read-back taken off. */
  async once(work: (gpu: Compute) => void | Promise<void>, repeats: number): Promise<number> {
    const gpu = this.#gpu;
    const fence = gpu.empty([1], "a fence");
    const began = performance.now();
    for (let i = 0; i < repeats; i++) await gpu.step(work);
    await gpu.read(fence);
    const took = performance.now() - began;
    gpu.release(fence);
    return Math.max(took - this.readBack, 1e-6) / repeats;
  }
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}
