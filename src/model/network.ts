/**
 * Layers with values: a network on the GPU, whose parameters one optimizer moves. Its parts have names, and their values
 * are called `part.name`, as in the state dict of a torch.nn.Module with such attributes.
 *
 * @module
 */
import type { Tape } from "../autograd/tape.ts";
import type { Compute } from "../gpu/compute.ts";
import { count, type Tensor } from "../gpu/tensor.ts";
import { Random } from "../hash.ts";
import { type HostTensor, Parameters } from "../optim/parameters.ts";
import type { Gates } from "./gates.ts";
import { type Layer, type LayerValue, named, type Pass, within } from "./layers.ts";

/** The parts of a network by name. */
export type Parts = Readonly<Record<string, Layer>>;

/** How a network is passed through. */
export interface PassOptions {
  /** Whether batch normalisation takes the batch's statistics. Default false. */
  training?: boolean;
  /** Whether its parameters get no gradient: those of others, or of its inputs, are wanted. Default false. */
  frozen?: boolean;
  /** Where its ReLUs are noted, or held as they were. */
  gates?: Gates;
}

/** A network with its values. */
export class Network implements Disposable {
  /** What is learned. */
  readonly parameters: Parameters;
  /** What changes in training beside that, by name. */
  readonly buffers: ReadonlyMap<string, Tensor>;
  #gpu: Compute;
  #parts: Parts;
  #frozen = new Map<string, Tensor>();

  /**
   * The network on the GPU.
   *
   * @param values of every parameter and buffer by its name
   * @throws {RangeError} where one is missing or has another number of values
   */
  constructor(gpu: Compute, parts: Parts, values: ReadonlyMap<string, { data: ArrayLike<number> }>) {
    this.#gpu = gpu;
    this.#parts = parts;
    const { parameters, buffers } = named(parts);
    for (const [name, { shape }] of Object.entries(buffers)) {
      const found = values.get(name)?.data.length;
      if (found === count(shape)) continue;
      throw new RangeError(
        `Expected ${count(shape)} values for ${name} [${shape}], but found ${found ?? "none"}`,
      );
    }
    this.parameters = new Parameters(gpu, shapesOf(parameters));
    try {
      this.parameters.load(values);
    } catch (error) {
      this.parameters[Symbol.dispose]();
      throw error;
    }
    for (const [name, tensor] of this.parameters.entries()) {
      const frozen = tensor.view(tensor.shape);
      frozen.requiresGrad = false;
      this.#frozen.set(name, frozen);
    }
    this.buffers = new Map(
      Object.entries(buffers).map(([name, { shape }]) => [name, gpu.tensor(values.get(name)!.data, shape)]),
    );
  }

  /**
   * Passes x through a part.
   *
   * @throws {RangeError} where there is no such part, or x does not fit
   */
  forward(
    part: string,
    tape: Tape,
    x: Tensor,
    { training = false, frozen = false, gates }: PassOptions = {},
  ): Tensor {
    if (!Object.hasOwn(this.#parts, part)) {
      throw new RangeError(`Expected one of ${Object.keys(this.#parts).join(", ")}, but found ${part}`);
    }
    const value = (name: string): Tensor =>
      this.buffers.get(name) ?? (frozen ? this.#frozen.get(name) : undefined) ?? this.parameters.get(name);
    const pass: Pass = { tape, training, value, gates };
    return this.#parts[part].forward(x, within(pass, part));
  }

  /** All values by name: parameters, then buffers. */
  async read(): Promise<Map<string, HostTensor>> {
    const values = await this.parameters.read();
    for (const [name, tensor] of this.buffers) {
      values.set(name, { shape: tensor.shape, data: await this.#gpu.read(tensor) });
    }
    return values;
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.parameters[Symbol.dispose]();
    for (const tensor of this.buffers.values()) this.#gpu.release(tensor);
  }
}

/** The shapes of a network's values by name: parameters, then buffers. */
export function shapesIn(parts: Parts): Map<string, readonly number[]> {
  const { parameters, buffers } = named(parts);
  return new Map([...shapesOf(parameters), ...shapesOf(buffers)]);
}

/** What a network begins with: each value has a stream of random numbers of its own. */
export function initialValues(parts: Parts, seed: number): Map<string, HostTensor> {
  const { parameters, buffers } = named(parts);
  return new Map(
    Object.entries({ ...parameters, ...buffers }).map(([name, { shape, fanIn, fanOut, initial }]) => {
      const draw = initial(new Random(seed, `initial ${name}`), fanIn, fanOut);
      return [name, { shape, data: Float32Array.from({ length: count(shape) }, draw) }];
    }),
  );
}

function shapesOf(values: Readonly<Record<string, LayerValue>>): Map<string, readonly number[]> {
  return new Map(Object.entries(values).map(([name, { shape }]) => [name, shape]));
}
