/**
 * The way to the device: dispatches are recorded into one compute pass, their parameters into one uniform
 * arena, and both leave in one submit when somebody reads or writes, or when the list is long.
 *
 * Group 0 holds a kernel's storage buffers, group 1 the arena with a dynamic offset. Bind groups are remembered
 * by the buffers in them; since the pool hands out the same buffers in every step, the second step finds them all.
 *
 * @module
 */
import { GpuError, KernelError } from "./error.ts";
import { assemble, type Kernel, keyOf, type Signature, signatureOf } from "./kernel.ts";
import { sizeClass } from "./memory.ts";
import type { Tensor } from "./tensor.ts";

interface Compiled {
  readonly id: number;
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly names: readonly string[];
  readonly signature: Signature;
}

/** Time a kernel took in profiling mode. */
export interface KernelTime {
  /** The kernel's, with its entry point and constants. */
  name: string;
  /** Dispatches. */
  calls: number;
  /** Of all of them, by the device's clock. */
  milliseconds: number;
}

const SLOT = 256; // bytes a dispatch has for its parameters: the portable dynamic-offset alignment
const DISPATCHES_PER_SUBMIT = 1024;
const MAX_GROUPS = 65535;
const MAX_BIND_GROUPS = 8192;

/** Records work for a device and reads results back. One of it belongs to each {@linkcode Gpu}. */
export class Stream {
  #device: GPUDevice;
  #check: () => void;
  #fail: (error: GpuError | KernelError) => void;
  #profile: boolean;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #recorded = 0;
  #arena: GPUBuffer;
  #arenaBytes = new ArrayBuffer(SLOT * DISPATCHES_PER_SUBMIT);
  #arenaView = new DataView(this.#arenaBytes);
  #arenaLayout: GPUBindGroupLayout;
  #arenaGroup: GPUBindGroup;
  #compiled = new Map<string, Compiled>();
  #groups = new Map<string, GPUBindGroup>();
  #staging = new Map<number, GPUBuffer[]>();
  #queries: GPUQuerySet | null = null;
  #resolved: GPUBuffer | null = null;
  #timed: string[] = [];
  #times = new Map<string, KernelTime>();
  /** Dispatches and submits so far, for tests and benchmarks. */
  readonly counts = { dispatches: 0, submits: 0, pipelines: 0, bindGroups: 0 };

  /**
   * For `Gpu.open`.
   *
   * @param check throws what went wrong on the device so far
   * @param fail makes `check` throw that from now on
   */
  constructor(
    device: GPUDevice,
    check: () => void,
    fail: (error: GpuError | KernelError) => void,
    profile: boolean,
  ) {
    this.#device = device;
    this.#check = check;
    this.#fail = fail;
    this.#profile = profile;
    this.#arena = device.createBuffer({
      size: SLOT * DISPATCHES_PER_SUBMIT,
      usage: 0x40 | 0x8,
      label: "parameters",
    });
    this.#arenaLayout = device.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: 4,
        buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: SLOT },
      }],
    });
    this.#arenaGroup = device.createBindGroup({
      layout: this.#arenaLayout,
      entries: [{ binding: 0, resource: { buffer: this.#arena, size: SLOT } }],
    });
    if (profile) {
      this.#queries = device.createQuerySet({ type: "timestamp", count: 2 * DISPATCHES_PER_SUBMIT });
      this.#resolved = device.createBuffer({ size: 16 * DISPATCHES_PER_SUBMIT, usage: 0x200 | 0x4 });
    }
  }

  /**
   * Records one dispatch.
   *
   * @param tensors what the kernel binds, by the names in its WGSL; exactly those that the entry point uses
   * @param params every field of the kernel's `struct Params`
   * @param grid workgroups along x, y and z
   */
  dispatch(
    kernel: Kernel,
    tensors: Readonly<Record<string, Tensor>>,
    params: Readonly<Record<string, number>>,
    grid: readonly [number, number?, number?],
  ): void {
    this.#check();
    const [x, y = 1, z = 1] = grid;
    if (x > MAX_GROUPS || y > MAX_GROUPS || z > MAX_GROUPS) {
      throw new RangeError(
        `Expected at most ${MAX_GROUPS} workgroups a dimension for ${kernel.name}, but found ${grid}`,
      );
    }
    const compiled = this.#compile(kernel, tensors);
    if (this.#recorded === DISPATCHES_PER_SUBMIT) this.submit();
    const slot = this.#recorded * SLOT;
    this.#writeParams(compiled, params, slot);
    const group = this.#bind(compiled, tensors);
    this.#encoder ??= this.#device.createCommandEncoder();
    if (this.#profile) this.#beginTimed(compiled.label);
    const pass = this.#pass ??= this.#encoder.beginComputePass();
    pass.setPipeline(compiled.pipeline);
    pass.setBindGroup(0, group);
    pass.setBindGroup(1, this.#arenaGroup, [slot]);
    pass.dispatchWorkgroups(x, y, z);
    if (this.#profile) this.#endPass();
    this.#recorded++;
    this.counts.dispatches++;
  }

  /** Records a copy of all values of `from` to `to`. */
  copy(from: Tensor, to: Tensor): void {
    if (from.size !== to.size) {
      throw new RangeError(`Expected ${to.size} values to copy, but found ${from.size}`);
    }
    this.#endPass();
    this.#encoder ??= this.#device.createCommandEncoder();
    this.#encoder.copyBufferToBuffer(from.slab.buffer, from.offset, to.slab.buffer, to.offset, from.bytes);
  }

  /** Writes values to the device. Work recorded so far is submitted first, since a write overtakes it. */
  write(to: Tensor, values: Float32Array<ArrayBuffer>): void {
    if (values.length !== to.size) {
      throw new RangeError(`Expected ${to.size} values for [${to.shape}], but found ${values.length}`);
    }
    this.#check();
    this.submit();
    this.#device.queue.writeBuffer(to.slab.buffer, to.offset, values);
  }

  /** Hands everything recorded to the device. */
  submit(): void {
    this.#endPass();
    if (!this.#encoder) return;
    const resolved = this.#profile ? this.#resolveTimes(this.#encoder) : null;
    this.#device.queue.writeBuffer(this.#arena, 0, this.#arenaBytes, 0, this.#recorded * SLOT);
    this.#device.queue.submit([this.#encoder.finish()]);
    this.#encoder = null;
    this.#recorded = 0;
    this.counts.submits++;
    if (resolved) this.#pendingTimes.push(resolved);
  }

  /**
   * Reads tensors back, in one round trip. Blocks the event loop while the device works (a property of Deno).
   *
   * @throws {GpuError} where anything went wrong on the device since the last look
   */
  async read(...tensors: Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    this.#check();
    this.#endPass();
    const encoder = this.#encoder ??= this.#device.createCommandEncoder();
    const stagings = tensors.map((tensor) => {
      const size = sizeClass(tensor.bytes);
      const buffer = this.#staging.get(size)?.pop() ??
        this.#device.createBuffer({ size, usage: 0x1 | 0x8, label: "staging" });
      encoder.copyBufferToBuffer(tensor.slab.buffer, tensor.offset, buffer, 0, tensor.bytes);
      return { buffer, size, bytes: tensor.bytes };
    });
    this.submit();
    const results = await Promise.all(stagings.map(async ({ buffer, size, bytes }) => {
      await buffer.mapAsync(1, 0, bytes);
      const values = new Float32Array(buffer.getMappedRange(0, bytes).slice(0));
      buffer.unmap();
      const list = this.#staging.get(size);
      if (list) list.push(buffer);
      else this.#staging.set(size, [buffer]);
      return values;
    })).catch(async (error) => {
      await new Promise((done) => setTimeout(done)); // a lost device says so a turn later
      this.#check();
      throw new GpuError("read", `Reading back from the GPU failed: ${(error as Error).message}`);
    });
    this.#check();
    return results;
  }

  /** Per kernel, the device's own time since the last call. Only in profiling mode. */
  async times(): Promise<KernelTime[]> {
    this.submit();
    for (const { labels, buffer } of this.#pendingTimes.splice(0)) {
      await buffer.mapAsync(1);
      const stamps = new BigUint64Array(buffer.getMappedRange().slice(0));
      buffer.unmap();
      buffer.destroy();
      labels.forEach((name, i) => {
        const time = this.#times.get(name) ?? { name, calls: 0, milliseconds: 0 };
        time.calls++;
        time.milliseconds += Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6;
        this.#times.set(name, time);
      });
    }
    const times = [...this.#times.values()].sort((a, b) => b.milliseconds - a.milliseconds);
    this.#times.clear();
    return times;
  }

  /** Frees what the stream holds. */
  destroy(): void {
    this.submit();
    for (const list of this.#staging.values()) for (const buffer of list) buffer.destroy();
    this.#arena.destroy();
    this.#queries?.destroy();
    this.#resolved?.destroy();
  }

  #pendingTimes: { labels: string[]; buffer: GPUBuffer }[] = [];

  #compile(kernel: Kernel, tensors: Readonly<Record<string, Tensor>>): Compiled {
    const key = keyOf(kernel);
    const known = this.#compiled.get(key);
    if (known) return known;
    const signature = signatureOf(kernel.source);
    const names = Object.keys(tensors);
    const entries = names.map((name) => {
      const binding = signature.bindings.get(name);
      if (!binding) throw new TypeError(`Kernel ${kernel.name} binds no "${name}"`);
      const type = binding.writable ? "storage" as const : "read-only-storage" as const;
      return { binding: binding.index, visibility: 4, buffer: { type } };
    });
    this.#device.pushErrorScope("validation");
    const layout = this.#device.createBindGroupLayout({ label: key, entries });
    const pipeline = this.#device.createComputePipeline({
      label: key,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout, this.#arenaLayout] }),
      compute: {
        module: this.#device.createShaderModule({ label: key, code: assemble(kernel) }),
        entryPoint: kernel.entry,
      },
    });
    this.#device.popErrorScope().then((error) => {
      if (error) this.#fail(new KernelError(`The GPU refused the kernel ${key}: ${error.message.trim()}`));
    });
    const id = this.counts.pipelines++;
    const compiled = { id, label: key, pipeline, layout, names, signature };
    this.#compiled.set(key, compiled);
    return compiled;
  }

  #writeParams(compiled: Compiled, params: Readonly<Record<string, number>>, slot: number): void {
    const { fields } = compiled.signature;
    let given = 0;
    for (const _ in params) given++;
    if (given !== fields.length) {
      throw new TypeError(
        `Kernel ${compiled.label} takes ${fields.map((f) => f.name)}, but was given ${Object.keys(params)}`,
      );
    }
    let at = slot;
    for (const { name, type } of fields) {
      const value = params[name];
      if (value === undefined) throw new TypeError(`Kernel ${compiled.label} was not given "${name}"`);
      if (type === "f32") this.#arenaView.setFloat32(at, value, true);
      else this.#arenaView.setUint32(at, value, true);
      at += 4;
    }
  }

  #bind(compiled: Compiled, tensors: Readonly<Record<string, Tensor>>): GPUBindGroup {
    let given = 0;
    for (const _ in tensors) given++;
    if (given !== compiled.names.length) {
      throw new TypeError(
        `Kernel ${compiled.label} binds ${compiled.names}, but was given ${Object.keys(tensors)}`,
      );
    }
    let key = `${compiled.id}`;
    for (const name of compiled.names) {
      const tensor = tensors[name];
      if (!tensor) throw new TypeError(`Kernel ${compiled.label} was not given the tensor "${name}"`);
      key += `,${tensor.slab.id}:${tensor.offset}:${tensor.size}`;
    }
    let group = this.#groups.get(key);
    if (!group) {
      this.counts.bindGroups++;
      if (this.#groups.size >= MAX_BIND_GROUPS) this.#groups.clear();
      group = this.#device.createBindGroup({
        label: compiled.label,
        layout: compiled.layout,
        entries: compiled.names.map((name) => {
          const { slab, offset, bytes } = tensors[name];
          // Views are 16-byte padded within their slab, so a kernel may read the last, partial vec4.
          const size = Math.min(Math.ceil(bytes / 16) * 16, slab.bytes - offset);
          return {
            binding: compiled.signature.bindings.get(name)!.index,
            resource: { buffer: slab.buffer, offset, size },
          };
        }),
      });
      this.#groups.set(key, group);
    }
    return group;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
  }

  #beginTimed(label: string): void {
    this.#endPass();
    const i = this.#timed.push(label) - 1;
    this.#pass = this.#encoder!.beginComputePass({
      timestampWrites: {
        querySet: this.#queries!,
        beginningOfPassWriteIndex: 2 * i,
        endOfPassWriteIndex: 2 * i + 1,
      },
    });
  }

  #resolveTimes(encoder: GPUCommandEncoder): { labels: string[]; buffer: GPUBuffer } | null {
    const labels = this.#timed;
    if (labels.length === 0) return null;
    this.#timed = [];
    const size = 16 * labels.length;
    const buffer = this.#device.createBuffer({ size, usage: 0x1 | 0x8 });
    encoder.resolveQuerySet(this.#queries!, 0, 2 * labels.length, this.#resolved!, 0);
    encoder.copyBufferToBuffer(this.#resolved!, 0, buffer, 0, size);
    return { labels, buffer };
  }
}
