/**
 * ResNet (He et al. 2016) and Wide ResNet (Zagoruyko & Komodakis 2016) as frozen feature extractors, with BatchNorm
 * folded into the convolutions. Maps are [B, H, W, C]; the outputs of `layer1` to `layer4` are tapped (docs/method.md §2).
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { FloatTensor, FloatType } from "../gpu/tensor.ts";
import { centred, FrozenConv } from "../kernels/conv/frozen.ts";
import { maxPool } from "../kernels/conv/pool2d.ts";
import type { FoldedConv } from "./fold.ts";
import type { TappedNetwork } from "./neck.ts";

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

interface Block {
  convs: FrozenConv[];
  downsample: FrozenConv | null;
  tap: boolean;
}

/** The network with its weights on the GPU. */
export class ResNet implements TappedNetwork {
  /** Channels of each level. */
  readonly channels: readonly number[];
  /** Channels of the images. */
  readonly inputs: number;
  /** As what maps and weights lie in memory. */
  readonly dtype: FloatType;
  readonly #stem: FrozenConv;
  readonly #blocks: readonly Block[];

  /** Uploads the weights, which `dtype` has. */
  constructor(gpu: Compute, { stem, blocks }: ResNetWeights, dtype: FloatType = "f32") {
    this.dtype = dtype;
    this.#stem = new FrozenConv(gpu, stem, { stride: 2, act: "relu", dtype });
    this.inputs = this.#stem.in;
    this.#blocks = blocks.map(({ stage, convs, stride, downsample }, i) => {
      const strided = convs.findIndex(({ kernel }) => kernel === 3);
      return {
        convs: convs.map((conv, j) =>
          new FrozenConv(gpu, conv, { stride: j === strided ? stride : 1, act: "relu", dtype })
        ),
        downsample: downsample && new FrozenConv(gpu, downsample, { stride, dtype }),
        tap: blocks[i + 1]?.stage !== stage,
      };
    });
    this.channels = this.#blocks.filter(({ tap }) => tap).map(({ convs }) => convs[convs.length - 1].out);
  }

  /** Values of the largest map on the way, for one image of side S: [S/2, S/2, 64], or [S/4, S/4, 256] of bottlenecks. */
  largestMap(S: number): number {
    return 256 * Math.ceil(S / 4) ** 2;
  }

  /**
   * Yields the four taps [B, h, w, c] of normalised images [B, S, S, 3], low level first. A tap's memory goes back when
   * the next one is asked for, or no more are.
   */
  *taps(on: Compute, images: FloatTensor): Generator<FloatTensor, void> {
    const { y: stem } = this.#stem.run(on, images); // [B, S/2, S/2, 64]
    const [, H, W] = stem.shape;
    let x = maxPool(on, stem, 3, { stride: 2, ...centred(H, W, 3, 2) }); // [B, S/4, S/4, 64]
    on.release(stem);
    try {
      for (const block of this.#blocks) {
        const y = residual(on, x, block);
        on.release(x);
        x = y;
        if (block.tap) yield x;
      }
    } finally {
      on.release(x);
    }
  }

  /** Gives the weights' memory back. */
  [Symbol.dispose](): void {
    const convs = this.#blocks.flatMap(({ convs, downsample }) => [...convs, downsample]);
    for (const conv of [this.#stem, ...convs]) conv?.[Symbol.dispose]();
  }
}

/** x [B, H, W, C] → [B, H/stride, W/stride, C']. Leaves x. */
function residual(on: Compute, x: FloatTensor, { convs, downsample }: Block): FloatTensor {
  const skip = downsample ? downsample.run(on, x).y : x;
  let y = x;
  for (const [i, conv] of convs.entries()) {
    const { y: next } = conv.run(on, y, i === convs.length - 1 ? { skip } : {});
    if (y !== x) on.release(y);
    y = next;
  }
  if (skip !== x) on.release(skip);
  return y;
}
