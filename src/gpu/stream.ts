/**
 * The way to the device and back, as kernels and models take it.
 *
 * @module
 */
import type { GpuError } from "./error.ts";
import type { Kernel } from "./kernel.ts";
import type { Tensors } from "./pipelines.ts";
import type { Readback, ValuesOf } from "./readback.ts";
import type { Recorder } from "./recorder.ts";
import type { AnyTensor, DType, Tensor, Values } from "./tensor.ts";
import type { KernelTime } from "./timing.ts";

/** Records work and reads results. A {@linkcode Gpu} has one, and so has each of its steps. */
export class Stream {
  #recorder: Recorder;
  #readback: Readback;
  #claim: () => GpuError | null;

  /** For `Gpu.open`. @param claim says, once, what lacked memory before somebody read, where that is for the reader to hear */
  constructor(recorder: Recorder, readback: Readback, claim: () => GpuError | null) {
    this.#recorder = recorder;
    this.#readback = readback;
    this.#claim = claim;
  }

  /** The stream of a step, whose reader does not hear of what lacked memory outside of it. */
  within(): Stream {
    return new Stream(this.#recorder, this.#readback, () => null);
  }

  /** Dispatches, submits, pipelines and bind groups so far, for tests and benchmarks. */
  get counts(): { dispatches: number; submits: number; pipelines: number; bindGroups: number } {
    return this.#recorder.counts;
  }

  /**
   * Records one dispatch.
   *
   * @param tensors what the kernel binds, by the names in its WGSL; exactly those that the entry point uses
   * @param params every field of the kernel's `struct Params`
   * @param grid workgroups along x, y and z
   * @throws {Error} where they are not, a tensor holds other values than the kernel binds, or its memory was given back
   */
  dispatch(
    kernel: Kernel,
    tensors: Tensors,
    params: Readonly<Record<string, number>>,
    grid: readonly [number, number?, number?],
  ): void {
    this.#recorder.dispatch(kernel, tensors, params, grid);
  }

  /** Records a copy of all values of `from` to `to`. @throws {RangeError} where `to` has another number of values */
  copy<T extends DType>(from: Tensor<T>, to: Tensor<T>): void {
    this.#recorder.copy(from, to);
  }

  /**
   * Writes values to the device, straight from where they lie; several arrays one behind the other. Work recorded so far is
   * submitted first, since a write overtakes it.
   *
   * @throws {RangeError} where they are not as many as the tensor has, or of another kind; where an array of f16 that is not
   *   the last has an odd length
   */
  write<T extends DType>(to: Tensor<T>, ...parts: readonly Values[T][]): void {
    this.#recorder.write(to, ...parts);
  }

  /** Hands everything recorded to the device. */
  submit(): void {
    this.#recorder.submit();
  }

  /**
   * Reads tensors back, in one round trip. Blocks the event loop while the device works (a property of Deno).
   *
   * @throws {GpuError} where anything went wrong on the device since the last look
   */
  async read<const T extends readonly AnyTensor[]>(...tensors: T): Promise<ValuesOf<T>> {
    const values = await this.#readback.read(tensors).catch((error) => {
      throw this.#claim() ?? error;
    });
    const failure = this.#claim();
    if (failure) throw failure;
    return values;
  }

  /** Per kernel, the device's own time since the last call; nothing where the GPU was opened without timestamps. */
  async times(): Promise<KernelTime[]> {
    this.#recorder.submit();
    return await this.#recorder.timing?.take() ?? [];
  }
}
