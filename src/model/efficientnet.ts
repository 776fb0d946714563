/**
 * EfficientNet (Tan & Le 2019) and what is made of the same MBConv blocks, as a frozen feature extractor: the stem and
 * the stages, with BatchNorm folded into the convolutions. Maps are [B, H, W, C]; some stages' outputs are tapped.
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { FloatTensor, FloatType } from "../gpu/tensor.ts";
import type { Act } from "../kernels/conv/act.ts";
import type { Window } from "../kernels/conv/geometry.ts";
import { FrozenConv } from "../kernels/conv/frozen.ts";
import { upload } from "../kernels/upload.ts";
import { dense } from "../kernels/dense/se.ts";
import type { FoldedConv } from "./fold.ts";
import type { TappedNetwork } from "./neck.ts";

/** An MBConv block. `reduce` and `excite` are squeeze-excite's 1×1 convolutions, without BatchNorm, or null both. */
export interface MBConv {
  stage: number;
  stride: number;
  /** Whether the block's input is added to its output. */
  skip: boolean;
  /** Null where the block does not expand. */
  expand: FoldedConv | null;
  depthwise: FoldedConv;
  reduce: FoldedConv | null;
  excite: FoldedConv | null;
  project: FoldedConv;
}

/**
 * How convolutions are padded (docs/method.md §2): (k − 1) / 2 on every side, TF SAME, or what that is for an image of
 * so many pixels a side, whatever size it has.
 */
export type Padding = "symmetric" | "same" | number;

/** Everything that the network reads. */
export interface EfficientNetWeights {
  padding: Padding;
  /** Follows the stem, expansions and depthwise convolutions. */
  act: Act;
  /** The stages that are tapped, from 0 on, rising. */
  taps: readonly number[];
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

/** One of squeeze-excite's layers: weight [out, in], widths with zeros to multiples of 4. */
interface Dense {
  weight: FloatTensor;
  bias: FloatTensor;
}

/** A block on the GPU. `nominal` is its input's side for an image of as many pixels as the padding says. */
interface Block {
  nominal: number;
  kernel: number;
  stride: number;
  skip: boolean;
  tap: boolean;
  expand: FrozenConv | null;
  depthwise: FrozenConv;
  reduce: Dense | null;
  excite: Dense | null;
  project: FrozenConv;
}

/** The network with its weights on the GPU. */
export class EfficientNet implements TappedNetwork {
  /** Channels of each tap. */
  readonly channels: readonly number[];
  /** Channels of the images. */
  readonly inputs: number;
  /** As what maps and weights lie in memory. */
  readonly dtype: FloatType;
  readonly #gpu: Compute;
  readonly #padding: Padding;
  readonly #nominal: number;
  readonly #stem: FrozenConv;
  readonly #blocks: readonly Block[];

  /** Uploads the weights, which `dtype` has. */
  constructor(gpu: Compute, weights: EfficientNetWeights, dtype: FloatType = "f32") {
    const { padding, act, taps, stem, blocks } = weights;
    this.#gpu = gpu;
    this.dtype = dtype;
    this.#padding = padding;
    this.#nominal = typeof padding === "number" ? padding : 0;
    this.#stem = new FrozenConv(gpu, stem, { stride: 2, act, dtype });
    this.inputs = this.#stem.in;
    let side = Math.ceil(this.#nominal / 2);
    this.#blocks = blocks.map((block, i) => {
      const nominal = side, { stride } = block;
      side = Math.ceil(side / stride);
      return {
        nominal,
        kernel: block.depthwise.kernel,
        stride,
        skip: block.skip,
        tap: taps.includes(block.stage) && blocks[i + 1]?.stage !== block.stage,
        expand: block.expand && new FrozenConv(gpu, block.expand, { act, dtype }),
        depthwise: new FrozenConv(gpu, block.depthwise, { stride, act, depthwise: true, dtype }),
        reduce: block.reduce && dense1x1(gpu, block.reduce, dtype),
        excite: block.excite && dense1x1(gpu, block.excite, dtype),
        project: new FrozenConv(gpu, block.project, { dtype }),
      };
    });
    this.channels = this.#blocks.filter((block) => block.tap).map((block) => block.project.out);
  }

  /** Values of the largest map on the way, for one image of side S: the first expansion that is strided. */
  largestMap(S: number): number {
    return this.#blocks.find(({ stride }) => stride === 2)!.depthwise.out * Math.ceil(S / 2) ** 2;
  }

  /**
   * Yields the taps [B, h, w, c] of normalised images [B, S, S, 3], low level first. A tap's memory goes back when the
   * next one is asked for, or no more are.
   */
  *taps(on: Compute, images: FloatTensor): Generator<FloatTensor, void> {
    let { y: x } = this.#stem.run(on, images, { window: this.#window(images, 3, 2, this.#nominal) }); // [B, S/2, S/2, C]
    try {
      for (const block of this.#blocks) {
        const y = this.#mbconv(on, x, block);
        on.release(x);
        x = y;
        if (block.tap) yield x;
      }
    } finally {
      on.release(x);
    }
  }

  /** Expand, filter, gate by squeeze-excite, project: x [B, H, W, C] → [B, H', W', C']. Leaves x. */
  #mbconv(on: Compute, x: FloatTensor, block: Block): FloatTensor {
    const { expand, reduce, excite, project, kernel, stride, nominal } = block;
    const expanded = expand ? expand.run(on, x).y : x; // [B, H, W, 6C]
    const window = this.#window(expanded, kernel, stride, nominal);
    const { y: maps, mean } = block.depthwise.run(on, expanded, { window, mean: reduce !== null }); // [B, H', W', 6C]
    if (expanded !== x) on.release(expanded);
    const used = [maps];
    let gates: FloatTensor | undefined;
    if (mean && reduce && excite) { // [B, 6C]
      const squeezed = dense(on, mean, reduce.weight, reduce.bias, "silu"); // [B, C/4]
      gates = dense(on, squeezed, excite.weight, excite.bias, "sigmoid"); // [B, 6C]
      used.push(mean, squeezed, gates);
    }
    const { y } = project.run(on, maps, { gates, skip: block.skip ? x : undefined }); // [B, H', W', C']
    for (const tensor of used) on.release(tensor);
    return y;
  }

  #window(
    { shape: [, H, W] }: FloatTensor,
    kernel: number,
    stride: number,
    nominal: number,
  ): Omit<Window, "stride"> {
    const rows = pads(this.#padding, H, kernel, stride, nominal);
    const columns = pads(this.#padding, W, kernel, stride, nominal);
    return { top: rows.before, left: columns.before, outH: rows.out, outW: columns.out };
  }

  /** Gives the weights' memory back. */
  [Symbol.dispose](): void {
    this.#stem[Symbol.dispose]();
    for (const { expand, depthwise, reduce, excite, project } of this.#blocks) {
      for (const conv of [expand, depthwise, project]) conv?.[Symbol.dispose]();
      for (const layer of [reduce, excite]) {
        if (layer) [layer.weight, layer.bias].forEach((tensor) => this.#gpu.release(tensor));
      }
    }
  }
}

function dense1x1(gpu: Compute, layer: FoldedConv, dtype: FloatType): Dense {
  const out = Math.ceil(layer.out / 4) * 4, inputs = Math.ceil(layer.in / 4) * 4;
  const weight = new Float32Array(out * inputs), bias = new Float32Array(out);
  for (let o = 0; o < layer.out; o++) {
    weight.set(layer.weight.subarray(o * layer.in, (o + 1) * layer.in), o * inputs);
  }
  bias.set(layer.bias);
  return { weight: upload(gpu, weight, [out, inputs], dtype), bias: upload(gpu, bias, [out], dtype) };
}
