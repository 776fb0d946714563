/**
 * ResNet (He et al. 2016) and Wide ResNet (Zagoruyko & Komodakis 2016) as frozen feature extractors, with BatchNorm
 * folded into the convolutions. Maps are [B, H, W, C]; the outputs of `layer1` to `layer4` are tapped (docs/method.md §2).
 *
 * @module
 */
import type { Gpu } from "../gpu/gpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { packConv, type Window } from "../kernels/conv/conv.ts";
import { denseConv, type Ending } from "../kernels/conv/dense_conv.ts";
import { maxPool } from "../kernels/conv/pool.ts";
import type { FoldedConv } from "./fold.ts";

/** A residual block: relu(convs(x) + x), with a convolution of x where its size changes. */
export interface ResidualBlock {
  /** 0 for `layer1` to 3 for `layer4`. */
  stage: number;
  /** Two of 3×3, or 1×1, 3×3, 1×1; ReLU follows all but the last. */
  convs: FoldedConv[];
  /** Of the first 3×3 convolution, as torchvision has it, and of `downsample`. */
  stride: number;
  downsample: FoldedConv | null;
}

/** Everything that the network reads. */
export interface ResNetWeights {
  stem: FoldedConv;
  blocks: ResidualBlock[];
}

/** A convolution's parameters on the GPU: weight [k, k, in, out]. */
interface Layer {
  weight: Tensor;
  bias: Tensor;
  kernel: number;
}

interface Block {
  convs: Layer[];
  stride: number;
  downsample: Layer | null;
  tap: boolean;
}

/** The network with its weights on the GPU. */
export class ResNet {
  /** Channels of each level. */
  readonly channels: readonly number[];
  /** Channels of the images, of which the last is zeros: maps are read four channels at a time. */
  readonly inputs = 4;
  #gpu: Gpu;
  #stem: Layer;
  #blocks: Block[];

  /** Uploads the weights. */
  constructor(gpu: Gpu, { stem, blocks }: ResNetWeights) {
    this.#gpu = gpu;
    this.#stem = this.#upload(stem);
    this.#blocks = blocks.map(({ stage, convs, stride, downsample }, i) => ({
      convs: convs.map((conv) => this.#upload(conv)),
      stride,
      downsample: downsample && this.#upload(downsample),
      tap: blocks[i + 1]?.stage !== stage,
    }));
    this.channels = this.#blocks.filter(({ tap }) => tap).map(({ convs }) =>
      convs[convs.length - 1].bias.size
    );
  }

  /** Bytes of the largest map on the way, for one image of side S: [S/2, S/2, 64], or [S/4, S/4, 256] of bottlenecks. */
  largestMap(S: number): number {
    return 256 * Math.ceil(S / 4) ** 2 * 4;
  }

  /**
   * Yields the four taps [B, h, w, c] of normalised images [B, S, S, 4], low level first. A tap's memory goes back to
   * the pool when the next one is asked for, or no more are.
   */
  *taps(images: Tensor): Generator<Tensor, void> {
    const gpu = this.#gpu;
    const stem = this.#conv(images, this.#stem, 2, { relu: true }); // [B, S/2, S/2, 64]
    let x = maxPool(gpu, stem, 3, windowOf(stem, 3, 2)); // [B, S/4, S/4, 64]
    gpu.release(stem);
    try {
      for (const block of this.#blocks) {
        const y = this.#block(x, block);
        gpu.release(x);
        x = y;
        if (block.tap) yield x;
      }
    } finally {
      gpu.release(x);
    }
  }

  /** x [B, H, W, C] → [B, H/stride, W/stride, C']. Leaves x. */
  #block(x: Tensor, { convs, stride, downsample }: Block): Tensor {
    const skip = downsample ? this.#conv(x, downsample, stride) : x;
    const strided = convs.findIndex(({ kernel }) => kernel === 3);
    let y = x;
    for (const [i, conv] of convs.entries()) {
      const ending = i === convs.length - 1 ? { skip, relu: true } : { relu: true };
      const next = this.#conv(y, conv, i === strided ? stride : 1, ending);
      if (y !== x) this.#gpu.release(y);
      y = next;
    }
    if (skip !== x) this.#gpu.release(skip);
    return y;
  }

  #conv(x: Tensor, { weight, bias, kernel }: Layer, stride: number, ending?: Ending): Tensor {
    return denseConv(this.#gpu, x, weight, bias, windowOf(x, kernel, stride), ending);
  }

  /** Input channels are padded with zeros to a multiple of 4, which changes no result. */
  #upload({ weight, bias, out, in: inputs, kernel }: FoldedConv): Layer {
    const taps = kernel * kernel, wide = Math.ceil(inputs / 4) * 4;
    let padded = weight;
    if (wide > inputs) {
      padded = new Float32Array(out * wide * taps);
      for (let o = 0; o < out; o++) {
        padded.set(weight.subarray(o * inputs * taps, (o + 1) * inputs * taps), o * wide * taps);
      }
    }
    const packed = packConv(padded, out, wide, kernel);
    return {
      weight: this.#gpu.tensor(packed, [kernel, kernel, wide, out]),
      bias: this.#gpu.tensor(bias),
      kernel,
    };
  }
}

/** A window of that size with PyTorch's padding (k−1)/2 on each side. */
function windowOf({ shape: [, H, W] }: Tensor, kernel: number, stride: number): Window {
  const pad = (kernel - 1) / 2;
  const out = (n: number) => Math.floor((n - 1) / stride) + 1;
  return { stride, top: pad, left: pad, outH: out(H), outW: out(W) };
}
