/**
 * GPU memory: a pool of buffers that are never freed before the device, so that a training step finds again what the
 * last one left. Who gives back what, and when, is for the step (`Gpu.step`) or the owner of a tensor.
 *
 * @module
 */
import { GpuError, SIZES } from "./error.ts";

/** A pooled piece of GPU memory. `id` is unique for the life of the device; `bytes` is what it can hold. */
export interface Slab {
  /** For storage, and to copy from and to. */
  readonly buffer: GPUBuffer;
  /** Tells slabs apart, also after they went back and out again. */
  readonly id: number;
  /** A size class: at least what was asked for. */
  readonly bytes: number;
}

/** Sizes in bytes; `held` is all that the pool ever made, `inUse` what is out at the moment. */
export interface MemoryStats {
  /** How many slabs there are. */
  buffers: number;
  /** Of all slabs together. */
  held: number;
  /** Of those that were taken and not given back. */
  inUse: number;
  /** The most that was ever in use. */
  peak: number;
}

const USAGE = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST

/** Rounds up to 1, 1.25, 1.5 or 1.75 times a power of two, at least 256, so that sizes meet again. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const power = 2 ** Math.floor(Math.log2(bytes - 1));
  return Math.ceil(bytes / (power / 4)) * (power / 4);
}

/** The pool. One of it belongs to each {@linkcode Gpu}. */
export class Memory {
  #device: GPUDevice;
  #maxBytes: number;
  #free = new Map<number, Slab[]>();
  #out = new Set<Slab>();
  #all: GPUBuffer[] = [];
  #held = 0;
  #inUse = 0;
  #peak = 0;
  /** What was asked for last, for the message when the device reports that it has no more. */
  lastRequest = "";

  /** An empty pool. @param maxBytes the device's limit for one buffer */
  constructor(device: GPUDevice, maxBytes: number) {
    this.#device = device;
    this.#maxBytes = maxBytes;
  }

  /** Takes at least `bytes` from the pool. Contents are whatever was there before. */
  take(bytes: number, what = "a tensor"): Slab {
    const size = sizeClass(bytes);
    const mib = (n: number) => `${(n / 2 ** 20).toFixed(1)} MiB`;
    this.lastRequest = `${mib(size)} for ${what} with ${mib(this.#inUse)} in use`;
    if (size > this.#maxBytes) {
      throw new GpuError(
        "too-large",
        `${what} needs ${mib(bytes)} in one piece; this adapter's largest buffer is ${mib(this.#maxBytes)}`,
        SIZES,
      );
    }
    const slab = this.#free.get(size)?.pop() ?? this.#create(size);
    this.#out.add(slab);
    this.#inUse += size;
    this.#peak = Math.max(this.#peak, this.#inUse);
    return slab;
  }

  /**
   * Puts a slab back. Work recorded before this may still use it; nothing else may.
   *
   * @throws {Error} where it is back already: the pool would hand the same memory out twice
   */
  give(slab: Slab): void {
    if (!this.#out.delete(slab)) {
      throw new Error(`Expected memory in use, but buffer ${slab.id} was given back before`);
    }
    this.#inUse -= slab.bytes;
    const list = this.#free.get(slab.bytes);
    if (list) list.push(slab);
    else this.#free.set(slab.bytes, [slab]);
  }

  /** Orders what is free, so that a step which asks for the same things as the last gets the same buffers. */
  sort(): void {
    for (const list of this.#free.values()) list.sort((a, b) => b.id - a.id);
  }

  /** Sizes at the moment. */
  stats(): MemoryStats {
    return { buffers: this.#all.length, held: this.#held, inUse: this.#inUse, peak: this.#peak };
  }

  /** Frees everything; the pool is unusable afterwards. */
  destroy(): void {
    for (const buffer of this.#all) buffer.destroy();
    this.#all = [];
    this.#free.clear();
  }

  #create(size: number): Slab {
    const buffer = this.#device.createBuffer({ size, usage: USAGE, label: this.lastRequest });
    this.#all.push(buffer);
    this.#held += size;
    return { buffer, id: this.#all.length, bytes: size };
  }
}
