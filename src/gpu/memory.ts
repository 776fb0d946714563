/**
 * GPU memory: a pool of buffers, so that a training step finds again what the last one left. Who gives back what, and
 * when, is for the step (`Gpu.step`) or the owner of a tensor.
 *
 * Whether the device has the memory for a new buffer it says some turns later: until then the buffer's slab is unproven.
 * Where it has not, the slab leaves the pool at once, and the failure waits for whoever is to hear of it.
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
  /** How often it went back: with each time, tensors made before are of no use any more. */
  readonly lease: number;
  /** Whether the device has said that it has the memory. */
  readonly proven: boolean;
  /** Set where it has not. */
  readonly failure: GpuError | null;
  /** Whether a step took it while it was unproven: then the step's end tells the failure, and not the next reading. */
  inStep: boolean;
}

/** Sizes in bytes; `held` is all that the pool has, `inUse` what is out at the moment. */
export interface MemoryStats {
  /** How many slabs there are. */
  buffers: number;
  /** Of all slabs together. */
  held: number;
  /** Of those that were taken and not given back. */
  inUse: number;
  /** The most that was ever in use, or asked for where that was more than there is. */
  peak: number;
}

/** What is recorded for the device and was not handed over yet. */
export interface Recorded {
  /** Hands it over. */
  submit(): void;
  /** Hands it over, and lets go of all buffers. */
  unbind(): void;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

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
  #recorded: Recorded;
  #all = new Set<Slab>();
  #free = new Map<number, Slab[]>();
  #out = new Set<Slab>();
  #doubts = new Set<Promise<void>>();
  #failure: GpuError | null = null;
  #made = 0;
  #held = 0;
  #inUse = 0;
  #peak = 0;
  /** What was asked for last, for messages. */
  lastRequest = "";

  /**
   * An empty pool.
   *
   * @param maxBytes the device's limit for one buffer
   * @param recorded is handed over before the first buffer that is in doubt, and where one turns out to have no memory, so
   *   that commands with a failed buffer, which the device refuses, take no others along
   */
  constructor(device: GPUDevice, maxBytes: number, recorded: Recorded) {
    this.#device = device;
    this.#maxBytes = maxBytes;
    this.#recorded = recorded;
  }

  /**
   * Takes at least `bytes` from the pool. Contents are whatever was there before.
   *
   * @throws {GpuError} where no buffer can be as large
   */
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
   * Puts a slab back. Work recorded before this may still use it; nothing else may. One that has failed is gone already.
   *
   * @throws {Error} where it is back already: the pool would hand the same memory out twice
   */
  give(slab: Slab): void {
    if (slab.failure) return;
    if (!this.#out.delete(slab)) {
      throw new Error(`Expected memory in use, but buffer ${slab.id} was given back before`);
    }
    (slab as Writable<Slab>).lease++;
    this.#inUse -= slab.bytes;
    const list = this.#free.get(slab.bytes);
    if (list) list.push(slab);
    else this.#free.set(slab.bytes, [slab]);
  }

  /** Orders what is free, so that a step which asks for the same things as the last gets the same buffers. */
  sort(): void {
    for (const list of this.#free.values()) list.sort((a, b) => b.id - a.id);
  }

  /**
   * Makes a buffer, outside of the pool.
   *
   * @param what it is asked for, for the message where there is no memory
   * @param onVerdict is told, some turns later, whether the device has the memory
   */
  create(
    size: number,
    usage: number,
    what: string,
    onVerdict: (failure: GpuError | null) => void,
  ): GPUBuffer {
    const failure = new GpuError("out-of-memory", `The GPU is out of memory: asked for ${what}`, SIZES);
    this.#recorded.submit(); // what was recorded before, by whomever, is not to go with this buffer
    // Nothing else is called within the scope: an error in it is this buffer's.
    this.#device.pushErrorScope("out-of-memory");
    const buffer = this.#device.createBuffer({ size, usage, label: what });
    const doubt = this.#device.popErrorScope().catch(() => null) // a lost device says so by itself
      .then((error) => onVerdict(error && failure))
      .finally(() => this.#doubts.delete(doubt));
    this.#doubts.add(doubt);
    return buffer;
  }

  /** Whether there are buffers of which it is not known whether the device has the memory. */
  get inDoubt(): boolean {
    return this.#doubts.size > 0;
  }

  /** Waits until the device has said of every buffer whether it has the memory. */
  async settle(): Promise<void> {
    while (this.#doubts.size > 0) await Promise.all(this.#doubts);
  }

  /** What failed outside of steps since the last time. From then on it is forgotten, and what nobody uses is freed. */
  claim(): GpuError | null {
    const failure = this.#failure;
    this.#failure = null;
    if (failure) this.trim();
    return failure;
  }

  /** Frees what is not in use. */
  trim(): void {
    this.#recorded.unbind();
    for (const slab of [...this.#free.values()].flat()) this.#drop(slab);
    this.#free.clear();
  }

  /** Sizes at the moment. */
  stats(): MemoryStats {
    return { buffers: this.#all.size, held: this.#held, inUse: this.#inUse, peak: this.#peak };
  }

  /** Frees everything; the pool is unusable afterwards. */
  destroy(): void {
    for (const slab of this.#all) slab.buffer.destroy();
    this.#all.clear();
    this.#free.clear();
  }

  #create(size: number): Slab {
    const buffer = this.create(size, USAGE, this.lastRequest, (failure) => {
      slab.proven = true;
      if (failure) this.#fail(slab, failure);
    });
    const slab: Writable<Slab> = {
      buffer,
      id: ++this.#made,
      bytes: size,
      lease: 0,
      proven: false,
      failure: null,
      inStep: false,
    };
    this.#all.add(slab);
    this.#held += size;
    return slab;
  }

  #fail(slab: Writable<Slab>, failure: GpuError): void {
    slab.failure = failure;
    if (!slab.inStep) this.#failure ??= failure;
    this.#recorded.submit();
    if (this.#out.delete(slab)) this.#inUse -= slab.bytes;
    const list = this.#free.get(slab.bytes);
    if (list?.includes(slab)) this.#free.set(slab.bytes, list.filter((other) => other !== slab));
    this.#drop(slab);
  }

  #drop(slab: Slab): void {
    if (!this.#all.delete(slab)) return; // all were freed meanwhile
    this.#held -= slab.bytes;
    slab.buffer.destroy();
  }
}
