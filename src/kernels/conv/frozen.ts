/**
 * A convolution whose weight does not change, for networks that only look: the weight lies in the order in which the
 * kernel that suits its shape reads it. Its meaning is that of autograd's `conv`.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { pointwise } from "../dense/pointwise.ts";
import type { Act } from "./act.ts";
import { conv, packConv, type Window } from "./conv.ts";
import { denseConv } from "./dense_conv.ts";
import { depthwise, packDepthwise } from "./depthwise.ts";

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
}

/** What one use of a convolution adds to it. */
export interface FrozenConvUse {
  /** Zeros before rows and columns, and the result's size. Default (kernel − 1) / 2 on each side, as networks have it. */
  window?: Omit<Window, "stride">;
  /** [B, in], by which x's channels are multiplied before: only for 1×1. What x holds afterwards is not defined. */
  gates?: Tensor;
  /** Of the result's shape, and added to it before the activation. */
  skip?: Tensor;
  /** Whether means over positions are wanted: only where each channel has its own filter. */
  mean?: boolean;
}

type Kind = "stem" | "depthwise" | "pointwise" | "dense";

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
  readonly #weight: Tensor;
  readonly #bias: Tensor;

  /** Uploads the values. */
  constructor(gpu: Compute, values: ConvValues, { stride = 1, act = "none", ...o }: FrozenConvOptions = {}) {
    const { kernel: k } = values;
    this.#gpu = gpu;
    this.#kind = o.depthwise
      ? "depthwise"
      : values.in < 4 && k <= 3
      ? "stem"
      : k === 1 && stride === 1 && (act === "none" || act === "silu")
      ? "pointwise"
      : "dense";
    this.#kernel = k;
    this.#stride = stride;
    this.#act = act;
    this.in = this.#kind === "stem" ? values.in : Math.ceil(values.in / 4) * 4;
    this.out = values.out;
    this.#bias = gpu.tensor(values.bias);
    this.#weight = this.#kind === "depthwise"
      ? gpu.tensor(packDepthwise(values.weight, this.out, k), [k, k, this.out])
      : this.#kind === "pointwise"
      ? gpu.tensor(widen(values, this.in), [this.out, this.in])
      : gpu.tensor(packConv(widen(values, this.in), this.out, this.in, k), [k, k, this.in, this.out]);
  }

  /**
   * act(conv2d(x ∘ gates, weight) + bias + skip): x [B, H, W, in] → y [B, H', W', out], and its means [B, out] where
   * they are wanted. Leaves x, but for what gates do to it.
   *
   * @throws {RangeError} where this convolution's kernel can't do what is asked for
   */
  run(
    on: Compute,
    x: Tensor,
    { gates, skip, mean, ...use }: FrozenConvUse = {},
  ): { y: Tensor; mean: Tensor | null } {
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
    if (kind === "depthwise") return depthwise(on, x, weight, bias, window, { act, mean });
    const y = kind === "stem"
      ? conv(on, x, weight, bias, window, act)
      : kind === "dense"
      ? denseConv(on, x, weight, bias, window, { skip, act })
      : pointwise(on, x, weight, bias, { act: act as "none" | "silu", gates, residual: skip });
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
