/**
 * The device: adapter, limits, errors, self-test. Opens WebGPU once and owns the memory and the stream; nothing
 * outside this folder touches a GPUDevice.
 *
 * @module
 */
import type { Compute, Scope } from "./compute.ts";
import { GpuError, KernelError, mib, SIZES } from "./error.ts";
import { assemble, type Kernel } from "./kernel.ts";
import { Memory, type Slab } from "./memory.ts";
import { Stream } from "./stream.ts";
import { count, Tensor } from "./tensor.ts";
import { Turns } from "./turns.ts";
import selftest from "./selftest.wgsl" with { type: "text" };
import subgroup from "./subgroup.wgsl" with { type: "text" };

/** What the adapter says of itself. `software` is true where a CPU plays the GPU (llvmpipe, SwiftShader). */
export interface AdapterInfo {
  /** Who made it; may be empty. */
  vendor: string;
  /** Its family; may be empty. */
  architecture: string;
  /** Its name, as the driver gives it; may be empty. */
  description: string;
  /** Whether a CPU plays the GPU; tile sizes are chosen by this. */
  software: boolean;
  /** Threads a subgroup, which read each other's values without memory; 0 where WGSL can't or their number varies. */
  subgroup: number;
}

/** How to open the device. */
export interface GpuOptions {
  /** Time every kernel by timestamp queries, at the price of a pass a dispatch. */
  profile?: boolean;
}

const NO_ADAPTER =
  "No GPU adapter found: WebGPU needs a Vulkan, Metal or Direct3D 12 driver. On Debian or Ubuntu without a GPU,\n" +
  "`apt-get install libvulkan1 mesa-vulkan-drivers` gives a software one (./adtr does this for you).";

/** An open GPU. */
export class Gpu implements Compute, Disposable {
  /** The adapter in use. */
  readonly info: AdapterInfo;
  /** The device's limits, those of the adapter. */
  readonly limits: GPUSupportedLimits;
  /** The names of the features in use. */
  readonly features: readonly string[];
  /** The pool that all tensors live in. */
  readonly memory: Memory;
  /** Where kernels are recorded and tensors read and written. */
  readonly stream: Stream;
  #device: GPUDevice;
  #failure: GpuError | KernelError | null = null;
  #closed = false;
  private readonly turns: Turns = new Turns();

  private constructor(device: GPUDevice, info: AdapterInfo, options: GpuOptions) {
    this.#device = device;
    this.info = info;
    this.limits = device.limits;
    this.features = [...device.features].sort();
    this.memory = new Memory(device, device.limits.maxBufferSize);
    const fail = (error: GpuError | KernelError) => {
      this.#failure ??= error;
    };
    this.stream = new Stream(device, () => this.check(), fail, options.profile ?? false);
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      fail(
        error instanceof GPUOutOfMemoryError
          ? new GpuError(
            "out-of-memory",
            `The GPU is out of memory: asked for ${this.memory.lastRequest}`,
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
    const requiredFeatures: GPUFeatureName[] = options.profile ? ["timestamp-query"] : [];
    // Not every adapter that has subgroups lists them: the request tells.
    const device = await adapter.requestDevice({
      requiredLimits,
      requiredFeatures: [...requiredFeatures, "subgroups"],
    }).catch(() => adapter.requestDevice({ requiredLimits, requiredFeatures })).catch((error: Error) => {
      throw new GpuError("no-device", `The adapter "${description}" gives no device: ${error.message}`);
    });
    const size = subgroupMinSize === subgroupMaxSize && await compiles(device, subgroupTest(subgroupMinSize))
      ? subgroupMinSize
      : 0;
    const info = { vendor, architecture, description, software: isFallbackAdapter, subgroup: size };
    const gpu = new Gpu(device, info, options);
    await gpu.selfTest();
    return gpu;
  }

  /** A new tensor of that shape. Its values are whatever the memory held. */
  empty(shape: readonly number[], what?: string): Tensor {
    const bytes = count(shape) * 4;
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
    return new Tensor(shape, this.memory.take(bytes, `${what ?? "a tensor"} [${shape}]`));
  }

  /** A new tensor holding `values`. */
  tensor(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor {
    const tensor = this.empty(shape);
    this.stream.write(
      tensor,
      values instanceof Float32Array ? new Float32Array(values) : Float32Array.from(values),
    );
    return tensor;
  }

  /** Reads a tensor's values. */
  async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    return (await this.stream.read(tensor))[0];
  }

  /** Gives a tensor's memory back to the pool (and so that of all its views). */
  release(tensor: Tensor): void {
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
   * @throws {Error} where it is called from within a step before that awaits anything; later it would wait for ever
   */
  async step<T>(work: (scope: Scope) => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return await this.turns.take(async () => {
      const scope = new StepScope(this);
      this.memory.sort();
      try {
        return await work(scope);
      } finally {
        scope.end();
      }
    }, signal);
  }

  /**
   * Computes a few numbers whose results are known, with workgroup memory and a barrier in the way, and subgroups where
   * there are any.
   *
   * @throws {GpuError} where they come out wrong
   */
  async selfTest(): Promise<void> {
    const values = Float32Array.from({ length: 256 }, (_, i) => i % 17);
    const x = this.tensor(values);
    const run = async (kernel: Kernel, group: number, wanted: (group: Float32Array) => number) => {
      const y = this.empty([256]);
      this.stream.dispatch(kernel, { x, y }, { scale: 0.5 }, [256 / group]);
      const found = await this.read(y);
      this.release(y);
      for (let i = 0; i < 256; i++) {
        const expected = 0.5 * (values[i] + wanted(values.subarray(i - i % group, i - i % group + group)));
        if (found[i] !== expected) {
          throw new GpuError(
            "self-test",
            `The GPU's self-test failed on "${this.info.description}": ` +
              `expected ${expected} at ${i}, but found ${found[i]}.\n` +
              "The driver computes wrong numbers; another driver version or adapter is needed.",
          );
        }
      }
    };
    const sum = (group: Float32Array) => group.reduce((a, b) => a + b);
    await run({ name: "workgroups", source: selftest, entry: "main" }, 64, sum);
    const size = this.info.subgroup;
    if (size > 0) await run(subgroupTest(size), size, (group) => group[size - 1]);
    this.release(x);
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
    this.check();
  }

  /** Frees everything on the device. */
  close(): void {
    this.#closed = true;
    this.stream.destroy();
    this.memory.destroy();
    this.#device.destroy();
  }

  /** {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The self-test of subgroups of that many threads. */
function subgroupTest(SIZE: number): Kernel {
  return { name: "subgroups", source: subgroup, entry: "main", constants: { SIZE } };
}

/** Whether the device takes a kernel: some WGSL compilers ask for a line that others refuse. */
async function compiles(device: GPUDevice, kernel: Kernel): Promise<boolean> {
  device.pushErrorScope("validation");
  device.createShaderModule({ code: assemble(kernel) });
  return await device.popErrorScope() === null;
}

/** What a step has taken. */
class StepScope implements Scope {
  readonly info: AdapterInfo;
  readonly limits: GPUSupportedLimits;
  readonly stream: Stream;
  #gpu: Gpu;
  #taken = new Set<Slab>();
  #ended = false;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    this.info = gpu.info;
    this.limits = gpu.limits;
    this.stream = gpu.stream;
  }

  empty(shape: readonly number[], what?: string): Tensor {
    return this.#take(this.#gpu.empty(shape, what));
  }

  tensor(values: ArrayLike<number>, shape?: readonly number[]): Tensor {
    return this.#take(this.#gpu.tensor(values, shape));
  }

  read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    return this.#gpu.read(tensor);
  }

  release(tensor: Tensor): void {
    this.#taken.delete(tensor.slab);
    this.#gpu.release(tensor);
  }

  keep(tensor: Tensor): Tensor {
    this.#taken.delete(tensor.slab);
    return tensor;
  }

  end(): void {
    this.#ended = true;
    for (const slab of this.#taken) this.#gpu.memory.give(slab);
    this.#taken.clear();
  }

  #take(tensor: Tensor): Tensor {
    this.#taken.add(tensor.slab);
    if (this.#ended) {
      this.end();
      throw new Error("Expected a step under way, but this scope's has ended");
    }
    return tensor;
  }
}
