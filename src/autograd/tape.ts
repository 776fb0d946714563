/**
 * The tape of reverse-mode differentiation: ops record what their backward pass needs, `backward` plays that in
 * reverse. One tape serves one step; tensors made on it live until the step ends (`Gpu.step`).
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { mix32 } from "../hash.ts";
import { fill } from "../kernels/dense/elementwise.ts";

/** A gradient under way: where it is, and whether something is there to add to. */
export interface GradientSlot {
  /** Where the gradient is to be written, of the shape of what it is a gradient of. */
  tensor: Tensor;
  /** Whether to add to the values that are there, or to write over them. */
  add: boolean;
}

/** How a tape behaves. */
export interface TapeOptions {
  /** Whether ops are recorded, for gradients. Default true. */
  record?: boolean;
  /** Whether dropout drops, as in training. Default true. */
  dropout?: boolean;
  /** 32 bits that fix all dropout of this tape, for instance a hash of the run's seed and the step. Default 0. */
  seed?: number;
}

interface Node {
  readonly name: string;
  readonly output: Tensor;
  readonly backward: (dy: Tensor) => void;
}

/** Records ops and computes gradients. */
export class Tape {
  /** Where the ops run. */
  readonly gpu: Compute;
  /** Whether ops are recorded: what they keep for the backward pass is of no use elsewhere. */
  readonly records: boolean;
  /** Whether dropout drops, as in training; when scoring, nothing may depend on the rest of a batch. */
  readonly drops: boolean;
  #seed: number;
  #nodes: Node[] = [];
  #gradients = new Map<string, { of: Tensor; tensor: Tensor }>();

  /** An empty tape, for one step. */
  constructor(gpu: Compute, { record = true, dropout = true, seed = 0 }: TapeOptions = {}) {
    this.gpu = gpu;
    this.records = record;
    this.drops = dropout;
    this.#seed = seed >>> 0;
  }

  /** For ops: dropout with probability `p` and numbers of its own; undefined where nothing is dropped. */
  dropout(p: number): { p: number; seed: number } | undefined {
    if (!this.drops || p === 0) return undefined;
    this.#seed = mix32((this.#seed + 0x9e3779b9) >>> 0);
    return { p, seed: this.#seed };
  }

  /**
   * For ops: records `output`, computed from `inputs`.
   *
   * @param backward receives the output's gradient and puts those of the inputs where {@linkcode into} says
   * @returns `output`, which requires a gradient if an input does
   */
  record(name: string, output: Tensor, inputs: readonly Tensor[], backward: (dy: Tensor) => void): Tensor {
    output.requiresGrad = this.records && inputs.some((x) => x.requiresGrad);
    if (output.requiresGrad) this.#nodes.push({ name, output, backward });
    return output;
  }

  /**
   * For ops' backward passes: where the gradient of x goes; null if x needs none. Whoever asks must write it at once,
   * adding to what is there if the slot says so. Where x is a part of something, it is a part of that one's gradient.
   *
   * @param part whether only some of the values are written: then there is always something to add to
   * @throws {Error} where x has values in common with another tensor and is not made a part of it
   */
  into(x: Tensor, part = false): GradientSlot | null {
    if (!x.requiresGrad) return null;
    if (x.whole) {
      const { tensor } = this.into(x.whole.tensor, true)!;
      return { tensor: tensor.part(x.whole.first, x.shape), add: true };
    }
    const before = this.#gradients.get(key(x))?.tensor;
    if (!before) this.#refuseOverlap(x);
    const tensor = before ?? x.grad ?? this.gpu.empty(x.shape, "a gradient");
    if (!before) {
      if (part) fill(this.gpu, tensor, 0);
      this.#gradients.set(key(x), { of: x, tensor });
    }
    return { tensor: tensor.view(x.shape), add: part || before !== undefined };
  }

  /**
   * Computes the gradient of `loss` with respect to every leaf that requires one and that it depends on. Gradients
   * are not added to those of an earlier tape.
   *
   * @param loss [1], made on this tape
   * @throws {Error} where the loss is no single number, does not depend on anything that requires a gradient, or was
   *   not made on this tape since its last backward pass
   */
  backward(loss: Tensor): void {
    if (loss.size !== 1) throw new RangeError(`Expected a loss of one value, but found [${loss.shape}]`);
    if (!loss.requiresGrad) {
      throw new Error("Expected a loss that depends on a tensor that requires a gradient");
    }
    if (!this.#nodes.some(({ output }) => key(output) === key(loss))) {
      throw new Error("Expected a loss made on this tape, whose gradient was not computed before");
    }
    fill(this.gpu, this.into(loss)!.tensor, 1);
    for (const { name, output, backward } of this.#nodes.splice(0).reverse()) {
      const gradient = this.#gradients.get(key(output))?.tensor;
      if (!gradient) continue; // the loss does not depend on it
      if (gradient.size !== output.size) {
        throw new Error(`Expected a gradient [${output.shape}] of ${name}, but found [${gradient.shape}]`);
      }
      backward(gradient.view(output.shape));
      this.#gradients.delete(key(output));
      this.gpu.release(gradient);
    }
  }

  /**
   * The gradient of a leaf after {@linkcode backward}, of its shape.
   *
   * @throws {Error} where there is none
   */
  gradient(x: Tensor): Tensor {
    if (x.whole) return this.gradient(x.whole.tensor).part(x.whole.first, x.shape);
    const gradient = this.#gradients.get(key(x))?.tensor;
    if (!gradient) {
      throw new Error(`Expected a gradient of the tensor [${x.shape}], but the loss does not depend on it`);
    }
    return gradient.view(x.shape);
  }

  /** Two gradients of the same values: neither would be right. */
  #refuseOverlap(x: Tensor): void {
    for (const { of } of this.#gradients.values()) {
      if (of.slab !== x.slab || of.offset >= x.offset + x.bytes || x.offset >= of.offset + of.bytes) continue;
      throw new Error(
        `Expected gradients of separate tensors, but [${x.shape}] and [${of.shape}] have values in common: ` +
          "make one of them by Tensor.part",
      );
    }
  }
}

/** Identifies the values of a tensor, whatever view of them is at hand. */
function key({ slab, offset }: Tensor): string {
  return `${slab.id}:${offset}`;
}
