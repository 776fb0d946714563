/**
 * A convolution whose weight does not change, for networks that only look: the weight lies in the order in which the
 * kernel that suits its shape reads it. Its meaning is that of autograd's `conv`.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { FloatTensor, FloatType } from "../../gpu/tensor.ts";
import { upload } from "../upload.ts";
import { pointwise } from "../dense/pointwise.ts";
import type { Act } from "./act.ts";
import { windowAxis } from "./axis.ts";
import { correlate } from "./correlate.ts";
import { depthwise as filterEach, packDepthwise } from "./depthwise.ts";
import type { Window } from "./geometry.ts";
import { type PackedFilters, packFilters } from "./pack_filters.ts";

/** A convolution's values: weight [out, in, kernel, kernel] ([out, 1, …] where each channel has its own), bias [out]. */
export interface ConvValues {
  weight: Float32Array<ArrayBuffer>;
  bias: Float32Array<ArrayBuffer>;
  out: number;
  in: number;
  kernel: number;
}

/** What there is to a convolution besides its values. */
export interface FrozenConvOptions {
  /** Default 1. */
  stride?: number;
  /** Default none. */
  act?: Act;
  /** Whether each channel has a filter of its own, groups = in = out. */
  depthwise?: boolean;
  /** As what maps, weight and bias lie in memory; sums are f32. Default f32. */
  dtype?: FloatType;
}

/** What one use of a convolution adds to it. */
export interface FrozenConvUse {
  /** Zeros before rows and columns, and the result's size. Default (kernel − 1) / 2 on each side, as networks have it. */
  window?: Omit<Window, "stride">;
  /** [B, in], by which x's channels are multiplied before: only for 1×1. What x holds afterwards is not defined. */
  gates?: FloatTensor;
  /** Of the result's shape, and added to it before the activation. */
  skip?: FloatTensor;
  /** Whether means over positions are wanted: only where each channel has its own filter. */
  mean?: boolean;
}

type Kind = "depthwise" | "pointwise" | "dense";

/** The convolution, with its weight on the GPU. */
export class FrozenConv {
  /** Channels of x: those of the values, and further ones, whose values don't count, where four are read at a time. */
  readonly in: number;
  /** Channels of the result. */
  readonly out: number;
  readonly #kind: Kind;
  readonly #kernel: number;
  readonly #stride: number;
  readonly #act: Act;
  readonly #gpu: Compute;
  readonly #bias: FloatTensor;
  #weight: FloatTensor;
  /** The weight and what is known of it, of a dense one. */
  #filters: PackedFilters | null = null;

  /** Uploads the values. */
  constructor(gpu: Compute, values: ConvValues, options: FrozenConvOptions = {}) {
    const { stride = 1, act = "none", depthwise = false, dtype = "f32" } = options;
    const { kernel: k, out } = values;
    this.#gpu = gpu;
    this.#kind = depthwise
      ? "depthwise"
      : k === 1 && stride === 1 && out % 4 === 0 && (act === "none" || act === "silu")
      ? "pointwise"
      : "dense";
    this.#kernel = k;
    this.#stride = stride;
    this.#act = act;
    this.in = this.#kind === "pointwise" ? Math.ceil(values.in / 4) * 4 : values.in;
    this.out = out;
    this.#bias = upload(gpu, values.bias, [out], dtype);
    this.#weight = this.#kind === "depthwise"
      ? upload(gpu, packDepthwise(values.weight, out, k), [k, k, out], dtype)
      : upload(gpu, widen(values, this.in), [out, this.in, k, k], dtype);
    if (this.#kind === "dense") {
      const axis = windowAxis(1, k, stride, 0), weight = this.#weight;
      this.#filters = packFilters(gpu, weight, this.#bias, [axis, axis]);
      this.#weight = this.#filters.values;
      gpu.release(weight);
    }
  }

  /**
   * act(conv2d(x ∘ gates, weight) + bias + skip): x [B, H, W, in] → y [B, H', W', out], and its means [B, out] where
   * they are wanted. Leaves x, but for what gates do to it.
   *
   * @throws {RangeError} where this convolution's kernel can't do what is asked for
   */
  run(
    on: Compute,
    x: FloatTensor,
    { gates, skip, mean, ...use }: FrozenConvUse = {},
  ): { y: FloatTensor; mean: FloatTensor | null } {
    const [, H, W] = x.shape, kind = this.#kind, act = this.#act;
    const window = { stride: this.#stride, ...(use.window ?? centred(H, W, this.#kernel, this.#stride)) };
    const wrong = mean && kind !== "depthwise"
      ? "means"
      : gates && kind !== "pointwise"
      ? "gates"
      : skip && kind !== "dense" && !(kind === "pointwise" && act === "none")
      ? "a sum"
      : null;
    if (wrong) {
      throw new RangeError(`Expected a ${kind} convolution to be asked for what it has, but found ${wrong}`);
    }
    const [weight, bias] = [this.#weight, this.#bias];
    if (kind === "depthwise") return filterEach(on, x, weight, bias, window, { act, mean });
    if (kind === "pointwise") {
      const y = pointwise(on, x, weight, bias, { act: act as "none" | "silu", gates, residual: skip });
      return { y, mean: null };
    }
    const { top, left, outH, outW, stride } = window, k = this.#kernel;
    const y = on.empty([x.shape[0], outH, outW, this.out], "a convolution's output", x.dtype);
    const axes = [windowAxis(outH, k, stride, top), windowAxis(outW, k, stride, left)] as const;
    correlate(on, x, this.#filters!, y, axes, { skip, act });
    return { y, mean: null };
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#gpu.release(this.#weight);
    this.#gpu.release(this.#bias);
  }
}

/** PyTorch's padding of (k − 1) / 2 on every side. */
export function centred(H: number, W: number, kernel: number, stride: number): Omit<Window, "stride"> {
  const pad = (kernel - 1) / 2, out = (n: number) => Math.floor((n + 2 * pad - kernel) / stride) + 1;
  return { top: pad, left: pad, outH: out(H), outW: out(W) };
}

/** The weight with zeros for further input channels: [out, wide, k, k]. */
function widen({ weight, out, in: inputs, kernel }: ConvValues, wide: number): Float32Array<ArrayBuffer> {
  if (inputs === wide) return weight;
  const taps = kernel * kernel, padded = new Float32Array(out * wide * taps);
  for (let o = 0; o < out; o++) {
    padded.set(weight.subarray(o * inputs * taps, (o + 1) * inputs * taps), o * wide * taps);
  }
  return padded;
}
