/**
 * Deep SVDD's network (Ruff et al. 2018, after LeNet): convolutions of 5×5, each with batch normalisation, leaky ReLU and max
 * pooling, then a linear layer. Nothing has a bias, and normalisation no scale and shift, so that no constant can be learned,
 * which would map all images to the centre. The decoder of its pretraining mirrors it.
 *
 * @module
 */
import {
  act,
  batchNorm,
  conv2d,
  convTranspose2d,
  flatten,
  type Initial,
  linear,
  maxPool,
  sequential,
  unflatten,
  upsample,
} from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Its sizes. */
export interface DsvddSizes {
  /** Side of the images, a power of two of at least 8. */
  S: number;
  /** Values that an image is mapped to, a multiple of 16. */
  latent: number;
  /** Channels of the first convolution, 32 in the paper: others have two and four times as many. */
  width: number;
}

/** torch.nn.init.xavier_uniform_ with the gain √2 of ReLU. */
const initial: Initial = (random, fanIn, fanOut) => {
  const bound = Math.sqrt(12 / (fanIn + fanOut));
  return () => random.range(-bound, bound);
};
const plain = { bias: false, initial }, same = { ...plain, padding: 2 };
const norm = (channels: number) => batchNorm(channels, { affine: false, eps: 1e-4 });
const leaky = act({ leaky: 0.01 });

/** The network for images [B, S, S, 3]; shapes are those of the paper's S = 32, width 32. */
export function network({ S, latent, width }: DsvddSizes): Parts {
  const channels = channelsOf(S, width), last = channels[channels.length - 1];
  return {
    encoder: sequential(
      ...channels.flatMap((own, i) => [ // [16, 16, 32], [8, 8, 64], [4, 4, 128]
        ...[conv2d(channels[i - 1] ?? 3, own, 5, same), norm(own), leaky, maxPool(2)],
      ]),
      flatten(),
      linear(16 * last, latent, plain), // [128]
    ),
  };
}

/** The network with a decoder, [B, latent] → [B, S, S, 3] in 0..1. */
export function autoencoder({ S, latent, width }: DsvddSizes): Parts {
  const channels = channelsOf(S, width).reverse();
  if (latent % 16 !== 0) throw new RangeError(`Expected a latent of a multiple of 16, but found ${latent}`);
  return {
    ...network({ S, latent, width }),
    decoder: sequential(
      ...[norm(latent), unflatten(4, 4, latent / 16), leaky], // [4, 4, 8]
      ...channels.flatMap((own, i) => [ // [8, 8, 128], [16, 16, 64], [32, 32, 32]
        ...[convTranspose2d(channels[i - 1] ?? latent / 16, own, 5, same), norm(own), leaky, upsample(2)],
      ]),
      ...[convTranspose2d(width, 3, 5, same), act("sigmoid")], // [32, 32, 3]
    ),
  };
}

/** Of as many convolutions as bring S to 4. */
function channelsOf(S: number, width: number): number[] {
  const count = Math.log2(S / 4);
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`Expected images of a power of two of at least 8 a side, but found ${S}`);
  }
  return Array.from({ length: count }, (_, i) => width * Math.min(2 ** i, 4));
}
