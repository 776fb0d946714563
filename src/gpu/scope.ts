/**
 * A step's scope: what it has taken, and what becomes of that at its end.
 *
 * @module
 */
import type { Compute, Scope } from "./compute.ts";
import type { Memory, Slab } from "./memory.ts";
import type { AdapterInfo, Profile } from "./profile.ts";
import type { Stream } from "./stream.ts";
import type { AnyTensor, DType, Tensor, Values } from "./tensor.ts";

/** The GPU, as far as a step knows it. */
type Owner = Compute & { readonly memory: Memory };

/** What `Gpu.step` hands to its work. */
export class StepScope implements Scope {
  readonly info: AdapterInfo;
  readonly profile: Profile;
  readonly limits: GPUSupportedLimits;
  readonly stream: Stream;
  #gpu: Owner;
  #taken = new Set<Slab>();
  #doubtful = new Set<Slab>();
  #ended = false;

  constructor(gpu: Owner) {
    this.#gpu = gpu;
    this.info = gpu.info;
    this.profile = gpu.profile;
    this.limits = gpu.limits;
    this.stream = gpu.stream.within();
  }

  empty<T extends DType = "f32">(shape: readonly number[], what?: string, dtype?: T): Tensor<T> {
    const tensor = this.#gpu.empty(shape, what, dtype), { slab } = tensor;
    this.#taken.add(slab);
    if (!slab.proven) {
      this.#doubtful.add(slab);
      slab.inStep = true;
    }
    if (this.#ended) {
      this.#giveBack();
      throw new Error("Expected a step under way, but this scope's has ended");
    }
    return tensor;
  }

  tensor(values: Uint32Array, shape?: readonly number[]): Tensor<"u32">;
  tensor(values: ArrayLike<number>, shape?: readonly number[]): Tensor;
  tensor(values: ArrayLike<number>, shape?: readonly number[]): AnyTensor {
    return tensorOf(this, values, shape);
  }

  async read<T extends DType>(tensor: Tensor<T>): Promise<Values[T]> {
    return (await this.stream.read(tensor))[0];
  }

  release(tensor: AnyTensor): void {
    this.#gpu.release(tensor);
    this.#taken.delete(tensor.slab);
  }

  keep<T extends AnyTensor>(tensor: T): T {
    this.#taken.delete(tensor.slab);
    return tensor;
  }

  /**
   * Ends the step: what was taken goes back.
   *
   * @throws {GpuError} where the device had no memory for some of it; then all that nobody uses is freed
   */
  async end(): Promise<void> {
    const { memory } = this.#gpu;
    this.#ended = true;
    this.#giveBack();
    if (this.#doubtful.size > 0) await memory.settle();
    const failed = [...this.#doubtful].find(({ failure }) => failure);
    if (!failed) return;
    memory.trim();
    throw failed.failure;
  }

  #giveBack(): void {
    for (const slab of this.#taken) this.#gpu.memory.give(slab);
    this.#taken.clear();
  }
}

/** A tensor of values, taken from `gpu`: u32 where they are in a Uint32Array, or else float32. */
export function tensorOf(
  gpu: Compute,
  values: ArrayLike<number>,
  shape: readonly number[] = [values.length],
): AnyTensor {
  if (values instanceof Uint32Array) {
    const tensor = gpu.empty(shape, undefined, "u32");
    gpu.stream.write(tensor, new Uint32Array(values));
    return tensor;
  }
  const tensor = gpu.empty(shape);
  gpu.stream.write(tensor, Float32Array.from(values));
  return tensor;
}
