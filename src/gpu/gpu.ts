/**
 * The device: adapter, limits, errors, self-test. Opens WebGPU once and owns the memory and the stream; nothing
 * outside this folder touches a GPUDevice.
 *
 * @module
 */
import type { Compute, Scope } from "./compute.ts";
import { GpuError, KernelError, mib, SIZES } from "./error.ts";
import { Memory } from "./memory.ts";
import type { AdapterInfo, Profile } from "./profile.ts";
import { Readback } from "./readback.ts";
import { Recorder } from "./recorder.ts";
import { StepScope, tensorOf } from "./scope.ts";
import { hasSubgroups, selfTest } from "./selftest.ts";
import { Stream } from "./stream.ts";
import { type AnyTensor, BYTES, count, type DType, Tensor, type Values } from "./tensor.ts";
import { Turns } from "./turns.ts";

/** How to open the device. */
export interface GpuOptions {
  /** Time every kernel by timestamp queries, at the price of a pass a dispatch. */
  timestamps?: boolean;
}

const NO_ADAPTER =
  "No GPU adapter found: WebGPU needs a Vulkan, Metal or Direct3D 12 driver. On Debian or Ubuntu without a GPU,\n" +
  "`apt-get install libvulkan1 mesa-vulkan-drivers` gives a software one (./adtr does this for you).";

/** An open GPU. */
export class Gpu implements Compute, Disposable {
  /** What the adapter says of itself. */
  readonly info: AdapterInfo;
  /** What the adapter is and can do, which kernels are made for. */
  readonly profile: Profile;
  /** The device's limits, those of the adapter. */
  readonly limits: GPUSupportedLimits;
  /** The names of the features in use. */
  readonly features: readonly string[];
  /** The pool that all tensors live in. */
  readonly memory: Memory;
  /** Where kernels are recorded and tensors read and written. */
  readonly stream: Stream;
  #device: GPUDevice;
  #recorder: Recorder;
  #readback: Readback;
  #failure: GpuError | KernelError | null = null;
  #closed = false;
  private readonly turns: Turns = new Turns();

  private constructor(device: GPUDevice, info: AdapterInfo, options: GpuOptions) {
    this.#device = device;
    this.info = info;
    this.profile = {
      kind: info.software ? "software" : "hardware",
      subgroup: info.subgroup,
      f16: device.features.has("shader-f16"),
    };
    this.limits = device.limits;
    this.features = [...device.features].sort();
    const check = () => this.check();
    const fail = (error: GpuError | KernelError) => {
      this.#failure ??= error;
    };
    this.memory = new Memory(device, device.limits.maxBufferSize, {
      submit: () => this.#recorder.submit(),
      unbind: () => this.#recorder.unbind(),
    });
    this.#recorder = new Recorder(device, this.memory, { check, fail }, options.timestamps ?? false);
    this.#readback = new Readback(this.memory, this.#recorder, check);
    this.stream = new Stream(this.#recorder, this.#readback, () => this.memory.claim());
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      fail(
        error instanceof GPUOutOfMemoryError // not of a buffer: those are known one by one
          ? new GpuError(
            "out-of-memory",
            `The GPU is out of memory: asked for ${this.memory.lastRequest} last`,
            SIZES,
          )
          : new KernelError(`The GPU refused a command: ${error.message.trim()}`),
      );
    });
    device.lost.then(({ message }) => {
      fail(
        new GpuError(
          "lost",
          `The GPU device was lost (${message || "no reason given"}) after ${this.memory.lastRequest} was ` +
            "asked for; display drivers end work that takes seconds",
          ["batch_size"],
        ),
      );
    });
  }

  /**
   * Opens the adapter that WebGPU prefers, with the adapter's own limits, and tests that it computes.
   *
   * @throws {GpuError} without an adapter, or where the self-test gives wrong numbers
   */
  static async open(options: GpuOptions = {}): Promise<Gpu> {
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) throw new GpuError("no-adapter", NO_ADAPTER);
    const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
    const { subgroupMinSize, subgroupMaxSize } = adapter.info;
    const requiredLimits: Record<string, number> = {};
    for (
      const name of [
        "maxBufferSize",
        "maxStorageBufferBindingSize",
        "maxComputeWorkgroupStorageSize",
        "maxComputeInvocationsPerWorkgroup",
        "maxComputeWorkgroupSizeX",
      ] as const
    ) requiredLimits[name] = adapter.limits[name];
    const requiredFeatures: GPUFeatureName[] = options.timestamps ? ["timestamp-query"] : [];
    if (adapter.features.has("shader-f16")) requiredFeatures.push("shader-f16");
    // Not every adapter that has subgroups lists them: the request tells.
    const device = await adapter.requestDevice({
      requiredLimits,
      requiredFeatures: [...requiredFeatures, "subgroups"],
    }).catch(() => adapter.requestDevice({ requiredLimits, requiredFeatures })).catch((error: Error) => {
      throw new GpuError("no-device", `The adapter "${description}" gives no device: ${error.message}`);
    });
    const subgroup = subgroupMinSize === subgroupMaxSize && await hasSubgroups(device, subgroupMinSize)
      ? subgroupMinSize
      : 0;
    const info = { vendor, architecture, description, software: isFallbackAdapter, subgroup };
    const gpu = new Gpu(device, info, options);
    try {
      await selfTest(gpu);
    } catch (error) {
      gpu.close();
      throw error;
    }
    return gpu;
  }

  /**
   * A new tensor of that shape, of float32 by default. Its values are whatever the memory held.
   *
   * @throws {GpuError} where the adapter can't bind as much at once
   */
  empty<T extends DType = "f32">(shape: readonly number[], what?: string, dtype?: T): Tensor<T> {
    const bytes = count(shape) * BYTES[dtype ?? "f32"];
    if (bytes > this.limits.maxStorageBufferBindingSize) {
      const most = this.limits.maxStorageBufferBindingSize;
      throw new GpuError(
        "too-large",
        `${what ?? "A tensor"} [${shape}] needs ${mib(bytes)}; this adapter binds at most ${
          mib(most)
        } at once`,
        SIZES,
      );
    }
    const slab = this.memory.take(bytes, `${what ?? "a tensor"} [${shape}]`);
    return new Tensor(shape, slab, 0, dtype ?? "f32" as T);
  }

  /** A new tensor holding whole numbers; of one dimension by default. */
  tensor(values: Uint32Array, shape?: readonly number[]): Tensor<"u32">;
  /** A new tensor holding `values` as float32. */
  tensor(values: ArrayLike<number>, shape?: readonly number[]): Tensor;
  tensor(values: ArrayLike<number>, shape?: readonly number[]): AnyTensor {
    return tensorOf(this, values, shape);
  }

  /** Reads a tensor's values. @throws {GpuError} where anything went wrong on the device since the last look */
  async read<T extends DType>(tensor: Tensor<T>): Promise<Values[T]> {
    return (await this.stream.read(tensor))[0];
  }

  /**
   * Gives a tensor's memory back to the pool (and so that of all its views).
   *
   * @throws {Error} where it was given back before
   */
  release(tensor: AnyTensor): void {
    if (!tensor.isLive) {
      throw new Error(`Expected [${tensor.shape}] in use, but its memory was given back before`);
    }
    this.memory.give(tensor.slab);
  }

  /**
   * Runs `work` as one step: what it takes through the scope and does not keep goes back to the pool at its end, also
   * where it throws. Steps come one after the other: others wait until this one has ended, so `work` must not wait for
   * a step itself.
   *
   * @param work gets the scope to compute in; it must not be used once the step has ended
   * @param signal ends the waiting for its turn, but not the work
   * @returns what `work` returns
   * @throws {GpuError} where the device had no memory for what it took; the next step finds all that is free
   * @throws {Error} where it is called from within a step before that awaits anything; later it would wait for ever
   */
  async step<T>(work: (scope: Scope) => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return await this.turns.take(async () => {
      const scope = new StepScope(this);
      this.memory.sort();
      if (this.memory.inDoubt) this.stream.submit(); // a buffer of this step that fails takes nothing before it along
      try {
        return await work(scope);
      } finally {
        await scope.end();
      }
    }, signal);
  }

  /** Throws the first thing that went wrong on the device, if anything did, or where it is closed. */
  check(): void {
    if (this.#closed) {
      throw new GpuError("closed", "The GPU was closed: nothing can be computed or read on it any more.");
    }
    if (this.#failure) throw this.#failure;
  }

  /**
   * Waits until all recorded work is done. A program that ends early does so before it closes: the device gives up on
   * work that takes seconds.
   *
   * @throws {GpuError} where anything went wrong on the device
   */
  async idle(): Promise<void> {
    this.check();
    this.stream.submit();
    await this.#device.queue.onSubmittedWorkDone();
    await this.memory.settle();
    this.check();
    const failure = this.memory.claim();
    if (failure) throw failure;
  }

  /** Frees everything on the device. */
  close(): void {
    this.#closed = true;
    this.#recorder.destroy();
    this.#readback.destroy();
    this.memory.destroy();
    this.#device.destroy();
  }

  /** {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
