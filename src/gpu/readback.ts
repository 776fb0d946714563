/**
 * What comes back from the device, through staging buffers that can be mapped; they are kept for the next reading.
 *
 * @module
 */
import { GpuError, mib } from "./error.ts";
import { type Memory, sizeClass } from "./memory.ts";
import type { Recorder } from "./recorder.ts";
import type { AnyTensor, Values } from "./tensor.ts";

/** The values of some tensors, in their order. */
export type ValuesOf<T extends readonly AnyTensor[]> = { -readonly [I in keyof T]: Values[T[I]["dtype"]] };

interface Staging {
  readonly buffer: GPUBuffer;
  readonly size: number;
  failure: GpuError | null;
}

const USAGE = 0x1 | 0x8; // MAP_READ | COPY_DST

/** Reads for all who read. */
export class Readback {
  #memory: Memory;
  #recorder: Recorder;
  #check: () => void;
  #free = new Map<number, Staging[]>();

  /** @param check throws what went wrong on the device so far */
  constructor(memory: Memory, recorder: Recorder, check: () => void) {
    this.#memory = memory;
    this.#recorder = recorder;
    this.#check = check;
  }

  /**
   * Reads tensors, in one round trip. Blocks the event loop while the device works (a property of Deno).
   *
   * @throws {GpuError} where anything went wrong on the device since the last look
   */
  async read<const T extends readonly AnyTensor[]>(tensors: T): Promise<ValuesOf<T>> {
    this.#check();
    const stagings = tensors.map(({ bytes }) => this.#take(sizeClass(bytes)));
    const doubtful = this.#recorder.fetch(tensors, stagings.map(({ buffer }) => buffer));
    const found = await Promise.allSettled(stagings.map((staging, i) => this.#receive(staging, tensors[i])));
    if (this.#memory.inDoubt) await this.#memory.settle();
    const failure = [...doubtful, ...stagings].find(({ failure }) => failure)?.failure;
    if (failure) throw failure;
    const values = found.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
    const refusal = found.find((result) => result.status === "rejected");
    if (refusal) {
      await new Promise((done) => setTimeout(done)); // a lost device says so a turn later
      this.#check();
      throw new GpuError("read", `Reading back from the GPU failed: ${(refusal.reason as Error).message}`);
    }
    this.#check();
    return values as ValuesOf<T>;
  }

  /** Frees what is held. */
  destroy(): void {
    for (const { buffer } of [...this.#free.values()].flat()) buffer.destroy();
    this.#free.clear();
  }

  #take(size: number): Staging {
    const known = this.#free.get(size)?.pop();
    if (known) return known;
    const what = `${mib(size)} to read through`;
    const buffer = this.#memory.create(size, USAGE, what, (failure) => staging.failure = failure);
    const staging: Staging = { buffer, size, failure: null };
    return staging;
  }

  async #receive(staging: Staging, { bytes, dtype }: AnyTensor): Promise<Values[keyof Values]> {
    const { buffer, size } = staging;
    try {
      await buffer.mapAsync(1, 0, Math.ceil(bytes / 4) * 4);
    } catch (error) {
      buffer.destroy(); // nobody knows what state it is in
      throw error;
    }
    const values = buffer.getMappedRange(0, Math.ceil(bytes / 4) * 4).slice(0, bytes);
    buffer.unmap();
    const list = this.#free.get(size);
    if (list) list.push(staging);
    else this.#free.set(size, [staging]);
    switch (dtype) {
      case "f32":
        return new Float32Array(values);
      case "f16":
        return new Float16Array(values);
      case "u32":
        return new Uint32Array(values);
    }
  }
}
