/**
 * The convolutional autoencoder of Bergmann et al. 2018 (arXiv 1807.02011, their table of the architecture): four
 * convolutions that halve the side, between others that keep it, to a code; the decoder mirrors them. Leaky ReLU of slope
 * 0.2 behind all but the last of each.
 *
 * @module
 */
import { act, conv2d, convTranspose2d, flatten, linear, sequential, unflatten } from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Its sizes. */
export interface AutoencoderSizes {
  /** Side of the images, a multiple of 16. */
  S: number;
  /** Values of the code. */
  latent: number;
  /** Channels of the first layer, 32 in the paper: others have so many times more. */
  width: number;
}

const leaky = act({ leaky: 0.2 });
const half = { stride: 2, padding: 1 }, same = { padding: 1 };

/** The network for images [B, S, S, 3]; shapes are those of the paper's S = 128, width 32. */
export function autoencoder({ S, latent, width }: AutoencoderSizes): Parts {
  const s = S / 16, [w, w2, w4] = [width, 2 * width, 4 * width];
  if (!Number.isInteger(s)) {
    throw new RangeError(`Expected images of a multiple of 16 a side, but found ${S}`);
  }
  return {
    encoder: sequential(
      ...[conv2d(3, w, 4, half), leaky], // [64, 64, 32]
      ...[conv2d(w, w, 4, half), leaky], // [32, 32, 32]
      ...[conv2d(w, w, 3, same), leaky],
      ...[conv2d(w, w2, 4, half), leaky], // [16, 16, 64]
      ...[conv2d(w2, w2, 3, same), leaky],
      ...[conv2d(w2, w4, 4, half), leaky], // [8, 8, 128]
      ...[conv2d(w4, w2, 3, same), leaky], // [8, 8, 64]
      ...[conv2d(w2, w, 3, same), leaky], // [8, 8, 32]
      flatten(),
      linear(s * s * w, latent), // the paper's 8×8 convolution: [100]
    ),
    decoder: sequential(
      ...[linear(latent, s * s * w), unflatten(s, s, w), leaky], // [8, 8, 32]
      ...[conv2d(w, w2, 3, same), leaky], // [8, 8, 64]
      ...[conv2d(w2, w4, 3, same), leaky], // [8, 8, 128]
      ...[convTranspose2d(w4, w2, 4, half), leaky], // [16, 16, 64]
      ...[conv2d(w2, w2, 3, same), leaky],
      ...[convTranspose2d(w2, w, 4, half), leaky], // [32, 32, 32]
      ...[conv2d(w, w, 3, same), leaky],
      ...[convTranspose2d(w, w, 4, half), leaky], // [64, 64, 32]
      convTranspose2d(w, 3, 4, half), // [128, 128, 3]
    ),
  };
}
