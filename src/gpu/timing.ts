/**
 * How long kernels take by the device's own clock: each dispatch has a compute pass of its own, with a timestamp before
 * and behind it.
 *
 * @module
 */

/** Time a kernel took. */
export interface KernelTime {
  /** The kernel's, with its entry point and constants. */
  name: string;
  /** Dispatches. */
  calls: number;
  /** Of all of them, by the device's clock. */
  milliseconds: number;
}

const STAMPS = 16; // bytes a dispatch: two 64-bit numbers of nanoseconds

/** The timestamps of a device that has the feature for them. */
export class Timing {
  #device: GPUDevice;
  #queries: GPUQuerySet;
  #resolved: GPUBuffer;
  #labels: string[] = [];
  #pending: { labels: string[]; buffer: GPUBuffer }[] = [];

  /** @param most dispatches between two calls of {@linkcode resolve} */
  constructor(device: GPUDevice, most: number) {
    this.#device = device;
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * most });
    this.#resolved = device.createBuffer({ size: STAMPS * most, usage: 0x200 | 0x4 }); // QUERY_RESOLVE | COPY_SRC
  }

  /** A pass for one dispatch of the kernel with that label. */
  begin(encoder: GPUCommandEncoder, label: string): GPUComputePassEncoder {
    const i = this.#labels.push(label) - 1;
    return encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 2 * i,
        endOfPassWriteIndex: 2 * i + 1,
      },
    });
  }

  /** Records that the timestamps so far are kept. The encoder is to be submitted. */
  resolve(encoder: GPUCommandEncoder): void {
    const labels = this.#labels, size = STAMPS * labels.length;
    if (size === 0) return;
    this.#labels = [];
    const buffer = this.#device.createBuffer({ size, usage: 0x1 | 0x8 }); // MAP_READ | COPY_DST
    encoder.resolveQuerySet(this.#queries, 0, 2 * labels.length, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, buffer, 0, size);
    this.#pending.push({ labels, buffer });
  }

  /** Per kernel, the time of what was resolved since the last call; the longest first. */
  async take(): Promise<KernelTime[]> {
    const times = new Map<string, KernelTime>();
    for (const { labels, buffer } of this.#pending.splice(0)) {
      try {
        await buffer.mapAsync(1);
        const stamps = new BigUint64Array(buffer.getMappedRange().slice(0));
        labels.forEach((name, i) => {
          const time = times.get(name) ?? { name, calls: 0, milliseconds: 0 };
          time.calls++;
          time.milliseconds += Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6;
          times.set(name, time);
        });
      } finally {
        buffer.destroy();
      }
    }
    return [...times.values()].sort((a, b) => b.milliseconds - a.milliseconds);
  }

  /** Frees what is held. */
  destroy(): void {
    for (const { buffer } of this.#pending) buffer.destroy();
    this.#queries.destroy();
    this.#resolved.destroy();
  }
}
