/**
 * VGG (Simonyan & Zisserman 2015) as a frozen feature extractor, with BatchNorm folded into the convolutions. Maps are
 * [B, H, W, C]; what comes out of each maximum over 2×2 is tapped (docs/method.md §2).
 *
 * @module
 */
import type { Compute } from "../gpu/compute.ts";
import type { FloatTensor, FloatType } from "../gpu/tensor.ts";
import { FrozenConv } from "../kernels/conv/frozen.ts";
import { maxPool } from "../kernels/conv/pool2d.ts";
import type { FoldedConv } from "./fold.ts";
import type { TappedNetwork } from "./neck.ts";

/** Everything that the network reads. */
export interface VggWeights {
  /** The 3×3 convolutions before each maximum. */
  groups: FoldedConv[][];
}

/** The network with its weights on the GPU. */
export class Vgg implements TappedNetwork {
  /** Channels of each level. */
  readonly channels: readonly number[];
  /** Channels of the images. */
  readonly inputs: number;
  /** As what maps and weights lie in memory. */
  readonly dtype: FloatType;
  readonly #groups: readonly FrozenConv[][];

  /** Uploads the weights, which `dtype` has. */
  constructor(gpu: Compute, { groups }: VggWeights, dtype: FloatType = "f32") {
    this.dtype = dtype;
    this.#groups = groups.map((convs) =>
      convs.map((conv) => new FrozenConv(gpu, conv, { act: "relu", dtype }))
    );
    this.channels = this.#groups.map((convs) => convs[convs.length - 1].out);
    this.inputs = this.#groups[0][0].in;
  }

  /** Values of the largest map on the way, for one image of side S: [S, S, 64]. */
  largestMap(S: number): number {
    return S * S * this.channels[0];
  }

  /**
   * Yields the taps [B, S/2, S/2, 64], [B, S/4, S/4, 128], … of normalised images [B, S, S, 3], sides rounded down. A
   * tap's memory goes back when the next one is asked for, or no more are.
   */
  *taps(on: Compute, images: FloatTensor): Generator<FloatTensor, void> {
    let x = images;
    const next = (y: FloatTensor) => {
      if (x !== images) on.release(x);
      x = y;
    };
    try {
      for (const convs of this.#groups) {
        for (const conv of convs) next(conv.run(on, x).y);
        const [, H, W] = x.shape, outH = Math.floor(H / 2), outW = Math.floor(W / 2);
        next(maxPool(on, x, 2, { stride: 2, top: 0, left: 0, outH, outW }));
        yield x;
      }
    } finally {
      next(images);
    }
  }

  /** Gives the weights' memory back. */
  [Symbol.dispose](): void {
    for (const conv of this.#groups.flat()) conv[Symbol.dispose]();
  }
}
