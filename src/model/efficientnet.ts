/**
 * EfficientNet (Tan & Le 2019), B0 or B4, as a frozen feature extractor: the stem and seven stages of MBConv blocks, with
 * BatchNorm folded into the convolutions. Maps are [B, H, W, C]; five stages' outputs are tapped (docs/method.md §2).
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { conv, packConv, type Window } from "../kernels/conv/conv.ts";
import { depthwise, packDepthwise } from "../kernels/conv/depthwise.ts";
import { pointwise } from "../kernels/dense/pointwise.ts";
import { dense } from "../kernels/dense/se.ts";
import type { FoldedConv } from "./fold.ts";

/** An MBConv block. `reduce` and `excite` are squeeze-excite's 1×1 convolutions, without BatchNorm. */
export interface MBConv {
  stage: number;
  stride: number;
  /** Whether the block's input is added to its output. */
  skip: boolean;
  /** Null in stage 0, which does not expand. */
  expand: FoldedConv | null;
  depthwise: FoldedConv;
  reduce: FoldedConv;
  excite: FoldedConv;
  project: FoldedConv;
}

/** How a naming of weight files pads (docs/method.md §2); `same380` is TF SAME computed for an image of 380 pixels. */
export type Padding = "symmetric" | "same" | "same224" | "same380";

/** Everything that the network reads. */
export interface EfficientNetWeights {
  padding: Padding;
  stem: FoldedConv;
  blocks: MBConv[];
}

/**
 * Zeros before an axis of `input` pixels, and the output's size, which implies those behind it.
 *
 * @param nominal the axis's size where the image has as many pixels as `padding` says
 */
export function pads(
  padding: Padding,
  input: number,
  kernel: number,
  stride: number,
  nominal: number,
): { before: number; out: number } {
  const fixed = (before: number, total: number) => ({
    before,
    out: Math.floor((input + total - kernel) / stride) + 1,
  });
  if (padding === "symmetric") return fixed((kernel - 1) / 2, kernel - 1);
  const size = padding === "same" ? input : nominal;
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
  return fixed(Math.floor(total / 2), total);
}

/** A convolution's parameters on the GPU. */
interface Layer {
  weight: Tensor;
  bias: Tensor;
  out: number;
  kernel: number;
}

/** A block's, and what it does with them. `nominal` is its input's side for an image of as many pixels as `padding` says. */
interface Block {
  nominal: number;
  stride: number;
  skip: boolean;
  tap: boolean;
  expand: Layer | null;
  depthwise: Layer;
  squeeze: Layer;
  excite: Layer;
  project: Layer;
}

const TAPPED_STAGES = [0, 1, 2, 4, 6];

/** The network with its weights on the GPU. */
export class EfficientNet {
  /** Channels of each tap. */
  readonly channels: readonly number[];
  /** Channels of the images. */
  readonly inputs = 3;
  #gpu: Gpu;
  #padding: EfficientNetWeights["padding"];
  #nominal: number;
  #stem: Layer;
  #blocks: Block[];

  constructor(gpu: Gpu, weights: EfficientNetWeights) {
    this.#gpu = gpu;
    this.#padding = weights.padding;
    this.#nominal = weights.padding === "same224" ? 224 : 380;
    const { stem, blocks } = weights;
    this.#stem = this.#upload(stem, packConv(stem.weight, stem.out, stem.in, stem.kernel), [
      stem.kernel,
      stem.kernel,
      stem.in,
      stem.out,
    ]);
    let side = Math.ceil(this.#nominal / 2);
    const nominal = blocks.map(({ stride }) => {
      const before = side;
      side = Math.ceil(side / stride);
      return before;
    });
    this.#blocks = blocks.map((block, i) => ({
      nominal: nominal[i],
      stride: block.stride,
      skip: block.skip,
      tap: TAPPED_STAGES.includes(block.stage) && blocks[i + 1]?.stage !== block.stage,
      expand: block.expand && this.#pointwise(block.expand),
      depthwise: this.#depthwise(block.depthwise),
      squeeze: this.#pointwise(block.reduce),
      excite: this.#pointwise(block.excite),
      project: this.#pointwise(block.project),
    }));
    this.channels = this.#blocks.filter((block) => block.tap).map((block) => block.project.out);
  }

  /** Bytes of the largest map on the way, for one image of side S: stage 1's first expansion, [S/2, S/2, 6C]. */
  largestMap(S: number): number {
    return 6 * this.channels[0] * Math.ceil(S / 2) ** 2 * 4;
  }

  /**
   * Yields the five taps [B, h, w, c] of normalised images [B, S, S, 3], low level first. A tap's memory goes back to
   * the pool when the next one is asked for, or no more are.
   */
  *taps(images: Tensor): Generator<Tensor, void> {
    const gpu = this.#gpu;
    const stem = this.#stem;
    let x = conv(gpu, images, stem.weight, stem.bias, this.#window(images, stem, 2, this.#nominal), "silu"); // [B, S/2, S/2, 48]
    try {
      for (const block of this.#blocks) {
        const y = this.#mbconv(x, block);
        gpu.release(x);
        x = y;
        if (block.tap) yield x;
      }
    } finally {
      gpu.release(x);
    }
  }

  /** Expand, filter, gate by squeeze-excite, project: x [B, H, W, C] → [B, H', W', C']. Leaves x. */
  #mbconv(x: Tensor, block: Block): Tensor {
    const gpu = this.#gpu;
    const { expand, squeeze, excite, project } = block;
    const expanded = expand ? pointwise(gpu, x, expand.weight, expand.bias, { act: "silu" }) : x; // [B, H, W, 6C]
    const { weight, bias } = block.depthwise;
    const window = this.#window(expanded, block.depthwise, block.stride, block.nominal);
    const { y: maps, mean } = depthwise(gpu, expanded, weight, bias, window); // [B, H', W', 6C] and [B, 6C]
    if (expanded !== x) gpu.release(expanded);
    const squeezed = dense(gpu, mean, squeeze.weight, squeeze.bias, "silu"); // [B, C/4]
    const gates = dense(gpu, squeezed, excite.weight, excite.bias, "sigmoid"); // [B, 6C]
    const residual = block.skip ? x : undefined;
    const y = pointwise(gpu, maps, project.weight, project.bias, { gates, residual }); // [B, H', W', C']
    for (const used of [mean, squeezed, gates, maps]) gpu.release(used);
    return y;
  }

  #window({ shape: [, H, W] }: Tensor, { kernel }: Layer, stride: number, nominal: number): Window {
    const rows = pads(this.#padding, H, kernel, stride, nominal);
    const columns = pads(this.#padding, W, kernel, stride, nominal);
    return { stride, top: rows.before, left: columns.before, outH: rows.out, outW: columns.out };
  }

  #upload(layer: FoldedConv, packed: Float32Array<ArrayBuffer>, shape: number[]): Layer {
    const { bias, out, kernel } = layer;
    return { weight: this.#gpu.tensor(packed, shape), bias: this.#gpu.tensor(bias), out, kernel };
  }

  #depthwise(layer: FoldedConv): Layer {
    const { weight, out, kernel } = layer;
    return this.#upload(layer, packDepthwise(weight, out, kernel), [kernel, kernel, out]);
  }

  /** Widths are padded with zeros to multiples of 4, which changes no result, so that the GEMM reads vec4s. */
  #pointwise(layer: FoldedConv): Layer {
    const out = Math.ceil(layer.out / 4) * 4, inputs = Math.ceil(layer.in / 4) * 4;
    const weight = new Float32Array(out * inputs), bias = new Float32Array(out);
    for (let o = 0; o < layer.out; o++) {
      weight.set(layer.weight.subarray(o * layer.in, (o + 1) * layer.in), o * inputs);
    }
    bias.set(layer.bias);
    return this.#upload({ ...layer, bias, out }, weight, [out, inputs]);
  }
}
