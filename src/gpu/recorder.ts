/**
 * What goes to the device: dispatches are recorded into one compute pass, their parameters into one uniform
 * arena, and both leave in one submit when somebody reads or writes, or when the list is long.
 *
 * @module
 */
import { KernelError } from "./error.ts";
import type { Kernel } from "./kernel.ts";
import type { Memory, Slab } from "./memory.ts";
import { type Compiled, Pipelines, type Tensors } from "./pipelines.ts";
import type { AnyTensor, DType, Tensor, Values } from "./tensor.ts";
import { Timing } from "./timing.ts";

/** What a recorder asks of the GPU that it belongs to, and tells it. */
export interface Owner {
  /** Throws what went wrong on the device so far. */
  check(): void;
  /** Makes `check` throw that from now on. */
  fail(error: KernelError): void;
}

const SLOT = 256; // bytes a dispatch has for its parameters: the portable dynamic-offset alignment
const DISPATCHES_PER_SUBMIT = 1024;
const MAX_GROUPS = 65535;

/** Records work for a device. One of it belongs to each {@linkcode Gpu}. */
export class Recorder {
  #device: GPUDevice;
  #memory: Memory;
  #owner: Owner;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #recorded = 0;
  #doubtful = new Set<Slab>(); // slabs in what is recorded of which it is not known whether they have memory
  #doubt = (slab: Slab): void => void this.#doubtful.add(slab);
  #arena: GPUBuffer;
  #arenaBytes = new ArrayBuffer(SLOT * DISPATCHES_PER_SUBMIT);
  #arenaView = new DataView(this.#arenaBytes);
  #arenaGroup: GPUBindGroup;
  #pipelines: Pipelines;
  /** The device's clock, where it is asked. */
  readonly timing: Timing | null;
  #counts = { dispatches: 0, submits: 0 };

  /** For `Gpu.open`. @param timestamps whether to time every dispatch */
  constructor(device: GPUDevice, memory: Memory, owner: Owner, timestamps: boolean) {
    this.#device = device;
    this.#memory = memory;
    this.#owner = owner;
    const size = SLOT * DISPATCHES_PER_SUBMIT;
    this.#arena = device.createBuffer({ size, usage: 0x40 | 0x8, label: "parameters" }); // UNIFORM | COPY_DST
    const layout = device.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: 4,
        buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: SLOT },
      }],
    });
    this.#arenaGroup = device.createBindGroup({
      layout,
      entries: [{ binding: 0, resource: { buffer: this.#arena, size: SLOT } }],
    });
    this.#pipelines = new Pipelines(device, layout, (error) => owner.fail(error));
    this.timing = timestamps ? new Timing(device, DISPATCHES_PER_SUBMIT) : null;
  }

  /** Dispatches, submits, pipelines and bind groups so far, for tests and benchmarks. */
  get counts(): { dispatches: number; submits: number; pipelines: number; bindGroups: number } {
    return { ...this.#counts, ...this.#pipelines.counts };
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
    this.#owner.check();
    const [x, y = 1, z = 1] = grid;
    if (x > MAX_GROUPS || y > MAX_GROUPS || z > MAX_GROUPS) {
      throw new RangeError(
        `Expected at most ${MAX_GROUPS} workgroups a dimension for ${kernel.name}, but found ${grid}`,
      );
    }
    const compiled = this.#pipelines.find(kernel, tensors);
    if (this.#recorded === DISPATCHES_PER_SUBMIT) this.submit();
    const slot = this.#recorded * SLOT;
    this.#writeParams(compiled, params, slot);
    const group = this.#guarded(() => this.#pipelines.bind(compiled, tensors, this.#doubt));
    const encoder = this.#begin();
    if (this.timing) this.#endPass();
    const pass = this.#pass ??= this.timing?.begin(encoder, compiled.label) ?? encoder.beginComputePass();
    pass.setPipeline(compiled.pipeline);
    pass.setBindGroup(0, group);
    pass.setBindGroup(1, this.#arenaGroup, [slot]);
    pass.dispatchWorkgroups(x, y, z);
    if (this.timing) this.#endPass();
    this.#recorded++;
    this.#counts.dispatches++;
  }

  /**
   * Records a copy of all values of `from` to `to`.
   *
   * @throws {RangeError} where `to` has another number of values
   */
  copy<T extends DType>(from: Tensor<T>, to: Tensor<T>): void {
    if (from.size !== to.size || from.dtype !== to.dtype) {
      throw new RangeError(
        `Expected ${to.size} values of ${to.dtype} to copy, but found ${from.size} of ${from.dtype}`,
      );
    }
    for (const tensor of [from, to]) this.#use(tensor, "copied");
    this.#endPass();
    this.#begin().copyBufferToBuffer(from.slab.buffer, from.offset, to.slab.buffer, to.offset, from.bytes);
  }

  /**
   * Writes values to the device, straight from where they lie; several arrays one behind the other. Work recorded so far is
   * submitted first, since a write overtakes it.
   *
   * @throws {RangeError} where they are not as many as the tensor has, or of another kind; where an array of f16 that is not
   *   the last has an odd length
   */
  write<T extends DType>(to: Tensor<T>, ...parts: readonly Values[T][]): void {
    const length = parts.reduce((sum, values) => sum + values.length, 0);
    const dtypes = new Set(parts.map(dtypeOf)), found = [...dtypes].join(" and ");
    if (length !== to.size || found !== to.dtype) {
      throw new RangeError(
        `Expected ${to.size} values of ${to.dtype} for [${to.shape}], but found ${length} of ${found}`,
      );
    }
    const odd = parts.slice(0, -1).find(({ byteLength }) => byteLength % 4 !== 0);
    if (odd) {
      throw new RangeError(`Expected arrays of an even number of values of f16, but found ${odd.length}`);
    }
    this.#owner.check();
    this.submit();
    this.#use(to, "written");
    this.#guarded(() => {
      let at = to.offset;
      for (const values of parts) {
        if (values.length === 0) continue; // Deno 2.9 panics
        this.#device.queue.writeBuffer(to.slab.buffer, at, inFours(values));
        at += values.byteLength;
      }
    });
    this.#doubtful.clear();
  }

  /** Hands everything recorded to the device. */
  submit(): void {
    this.#endPass();
    const encoder = this.#encoder;
    if (!encoder) return;
    this.timing?.resolve(encoder);
    this.#device.queue.writeBuffer(this.#arena, 0, this.#arenaBytes, 0, this.#recorded * SLOT);
    this.#encoder = null;
    this.#recorded = 0;
    this.#guarded(() => this.#device.queue.submit([encoder.finish()]));
    this.#doubtful.clear();
    this.#counts.submits++;
  }

  /**
   * Records that tensors are copied to buffers that can be read, and submits.
   *
   * @returns the slabs in what was submitted of which it is not known whether they have memory
   */
  fetch(tensors: readonly AnyTensor[], to: readonly GPUBuffer[]): Slab[] {
    for (const tensor of tensors) this.#use(tensor, "read");
    this.#endPass();
    const encoder = this.#begin();
    tensors.forEach(({ slab, offset, bytes }, i) => {
      encoder.copyBufferToBuffer(slab.buffer, offset, to[i], 0, Math.ceil(bytes / 4) * 4);
    });
    const doubtful = [...this.#doubtful];
    this.submit();
    return doubtful;
  }

  /** Lets go of all buffers, which are to be freed. */
  unbind(): void {
    this.submit();
    this.#pipelines.unbind();
  }

  /** Frees what is held. */
  destroy(): void {
    this.submit();
    this.#arena.destroy();
    this.timing?.destroy();
  }

  #use(tensor: AnyTensor, how: string): void {
    const { slab, shape } = tensor;
    if (slab.failure) throw slab.failure;
    if (!tensor.isLive) {
      throw new Error(`Expected [${shape}] in use to be ${how}, but its memory was given back`);
    }
    if (!slab.proven) this.#doubtful.add(slab);
  }

  /** Calls the device. What it refuses for a buffer without memory is no fault: whoever took that hears of it. */
  #guarded<T>(call: () => T): T {
    if (!this.#memory.inDoubt) return call();
    this.#device.pushErrorScope("validation");
    try {
      return call();
    } finally {
      const doubtful = [...this.#doubtful];
      this.#device.popErrorScope().catch(() => null).then(async (error) => {
        if (!error) return;
        await this.#memory.settle();
        if (doubtful.some(({ failure }) => failure)) return;
        this.#owner.fail(new KernelError(`The GPU refused a command: ${error.message.trim()}`));
      });
    }
  }

  #begin(): GPUCommandEncoder {
    return this.#encoder ??= this.#device.createCommandEncoder();
  }

  #writeParams(
    { label, signature: { fields } }: Compiled,
    params: Readonly<Record<string, number>>,
    slot: number,
  ): void {
    let given = 0;
    for (const _ in params) given++;
    if (given !== fields.length) {
      throw new TypeError(
        `Kernel ${label} takes ${fields.map((f) => f.name)}, but was given ${Object.keys(params)}`,
      );
    }
    let at = slot;
    for (const { name, type } of fields) {
      const value = params[name];
      if (value === undefined) throw new TypeError(`Kernel ${label} was not given "${name}"`);
      if (type === "f32") this.#arenaView.setFloat32(at, value, true);
      else this.#arenaView.setUint32(at, value, true);
      at += 4;
    }
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
  }
}

function dtypeOf(values: Values[DType]): DType {
  return values instanceof Float32Array ? "f32" : values instanceof Uint32Array ? "u32" : "f16";
}

/** Values with a zero behind them where they are an odd number of two bytes: WebGPU copies four at a time. */
function inFours<T extends Values[DType]>(values: T): T | Float16Array<ArrayBuffer> {
  if (values.byteLength % 4 === 0) return values;
  const even = new Float16Array(values.length + 1);
  even.set(values);
  return even;
}
