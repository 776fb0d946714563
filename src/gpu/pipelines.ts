/**
 * Compiled kernels and their bind groups. A pipeline is known by what is compiled, the text and the entry point; a bind
 * group by the buffers in it: since the pool hands out the same ones in every step, the second step finds them all.
 *
 * Group 0 holds a kernel's storage buffers, group 1 its parameters, with a dynamic offset.
 *
 * @module
 */
import { KernelError } from "./error.ts";
import { assemble, type Kernel, labelOf, type Signature, signatureOf } from "./kernel.ts";
import type { Slab } from "./memory.ts";
import type { AnyTensor } from "./tensor.ts";

/** A kernel that is ready to run. */
export interface Compiled {
  /** Tells pipelines apart. */
  readonly id: number;
  /** For errors and profiles: that of the first kernel with this text. */
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** What it binds, by the names in its WGSL. */
  readonly names: readonly string[];
  readonly signature: Signature;
}

/** What to bind, by the names in a kernel's WGSL. */
export type Tensors = Readonly<Record<string, AnyTensor>>;

const MAX_BIND_GROUPS = 8192;
const ALIGN = 256; // of a binding's offset, the portable one

/** All pipelines and bind groups of a device. */
export class Pipelines {
  #device: GPUDevice;
  #fail: (error: KernelError) => void;
  #params: GPUBindGroupLayout;
  #known = new WeakMap<Kernel, Compiled>();
  #texts = new Map<string, Compiled>();
  #groups = new Map<string, GPUBindGroup>();
  /** How many were made so far, for tests and benchmarks. */
  readonly counts = { pipelines: 0, bindGroups: 0 };

  /**
   * None yet.
   *
   * @param params the layout of group 1
   * @param fail is told of a kernel that the device refuses, some turns later
   */
  constructor(device: GPUDevice, params: GPUBindGroupLayout, fail: (error: KernelError) => void) {
    this.#device = device;
    this.#params = params;
    this.#fail = fail;
  }

  /**
   * The kernel, compiled.
   *
   * @throws {TypeError} where it binds other names than those, or its text has a mark left that was to be filled in
   */
  find(kernel: Kernel, tensors: Tensors): Compiled {
    let compiled = this.#known.get(kernel);
    if (!compiled) {
      const code = assemble(kernel), key = `${kernel.entry}\n${code}`;
      compiled = this.#texts.get(key) ?? this.#compile(kernel, code, Object.keys(tensors));
      this.#texts.set(key, compiled);
      this.#known.set(kernel, compiled);
    }
    return compiled;
  }

  /**
   * The bind group of these tensors.
   *
   * @param onDoubt is called with the slabs of which the device has not said yet that it has the memory
   * @throws {TypeError} where they are not what the kernel binds, by name or by what they hold
   * @throws {Error} where one's memory was given back
   * @throws {GpuError} where there was no memory for one
   */
  bind(compiled: Compiled, tensors: Tensors, onDoubt: (slab: Slab) => void): GPUBindGroup {
    const { label, names, signature } = compiled;
    let given = 0;
    for (const _ in tensors) given++;
    if (given !== names.length) {
      throw new TypeError(`Kernel ${label} binds ${names}, but was given ${Object.keys(tensors)}`);
    }
    let key = `${compiled.id}`;
    for (const name of names) {
      const tensor = tensors[name];
      if (!tensor) throw new TypeError(`Kernel ${label} was not given the tensor "${name}"`);
      const { slab } = tensor, { dtype } = signature.bindings.get(name)!;
      if (slab.failure) throw slab.failure;
      if (!tensor.isLive) {
        throw new Error(`Expected "${name}" of kernel ${label} in use, but its memory was given back`);
      }
      if (tensor.dtype !== dtype) {
        throw new TypeError(`Kernel ${label} binds ${dtype} as "${name}", but was given ${tensor.dtype}`);
      }
      if (!slab.proven) onDoubt(slab);
      key += `,${slab.id}:${tensor.offset}:${tensor.size}`;
    }
    let group = this.#groups.get(key);
    if (!group) this.#groups.set(key, group = this.#group(compiled, tensors));
    return group;
  }

  /** Forgets all bind groups: buffers that they hold are to be freed. */
  unbind(): void {
    this.#groups.clear();
  }

  #compile(kernel: Kernel, code: string, names: readonly string[]): Compiled {
    const label = labelOf(kernel), { stack } = new Error();
    const mark = /^.*\/\/ @(each|generate) .*$/m.exec(code)?.[0];
    if (mark !== undefined) throw new TypeError(`Kernel ${label} has a line left to fill in: ${mark.trim()}`);
    const signature = signatureOf(code);
    const entries = names.map((name) => {
      const binding = signature.bindings.get(name);
      if (!binding) throw new TypeError(`Kernel ${label} binds no "${name}"`);
      const type = binding.writable ? "storage" as const : "read-only-storage" as const;
      return { binding: binding.index, visibility: 4, buffer: { type } };
    });
    this.#device.pushErrorScope("validation");
    const layout = this.#device.createBindGroupLayout({ label, entries });
    const pipeline = this.#device.createComputePipeline({
      label,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout, this.#params] }),
      compute: { module: this.#device.createShaderModule({ label, code }), entryPoint: kernel.entry },
    });
    this.#device.popErrorScope().then((error) => {
      if (!error) return;
      this.#fail(new KernelError(`The GPU refused the kernel ${label}: ${error.message.trim()}`, stack));
    });
    return { id: this.counts.pipelines++, label, pipeline, layout, names, signature };
  }

  #group({ label, layout, names, signature }: Compiled, tensors: Tensors): GPUBindGroup {
    if (this.#groups.size >= MAX_BIND_GROUPS) this.#groups.clear();
    this.counts.bindGroups++;
    return this.#device.createBindGroup({
      label,
      layout,
      entries: names.map((name) => {
        const { slab, offset, bytes } = tensors[name];
        if (offset % ALIGN !== 0) {
          throw new RangeError(
            `Expected "${name}" of kernel ${label} to begin on ${ALIGN} bytes, but found ${offset}`,
          );
        }
        // A slab has 16 bytes for every 4 that are begun, so a kernel may read the last, partial vec4.
        const size = Math.min(Math.ceil(bytes / 16) * 16, slab.bytes - offset);
        return {
          binding: signature.bindings.get(name)!.index,
          resource: { buffer: slab.buffer, offset, size },
        };
      }),
    });
  }
}
