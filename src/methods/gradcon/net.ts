/**
 * GradCon's convolutional autoencoder (Kwon et al. 2020, §4.1): four convolutions that halve the side, and four transposed ones back,
 * with ReLU between them and a sigmoid behind the last.
 *
 * @module
 */
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { Gates } from "../../model/gates.ts";
import { act, conv2d, convTranspose2d, sequential } from "../../model/layers.ts";
import type { Network, Parts } from "../../model/network.ts";

/** Its sizes. */
export interface GradconSizes {
  /** Side of the images, a multiple of 16. */
  S: number;
  /** Channels of the first two layers, 32 in the paper: the others have twice as many. */
  width: number;
}

const half = { stride: 2, padding: 1 }, relu = act("relu");

/** The network for images [B, S, S, 3]; shapes are those of S = 32, width 32. */
export function autoencoder({ S, width: w }: GradconSizes): Parts {
  if (S % 16 !== 0) throw new RangeError(`Expected images of a multiple of 16 a side, but found ${S}`);
  return {
    encoder: sequential(
      ...[conv2d(3, w, 4, half), relu], // [16, 16, 32]
      ...[conv2d(w, w, 4, half), relu], // [8, 8, 32]
      ...[conv2d(w, 2 * w, 4, half), relu], // [4, 4, 64]
      ...[conv2d(2 * w, 2 * w, 4, half), relu], // [2, 2, 64]
    ),
    decoder: sequential(
      ...[convTranspose2d(2 * w, 2 * w, 4, half), relu], // [4, 4, 64]
      ...[convTranspose2d(2 * w, w, 4, half), relu], // [8, 8, 32]
      ...[convTranspose2d(w, w, 4, half), relu], // [16, 16, 32]
      ...[convTranspose2d(w, 3, 4, half), act("sigmoid")], // [32, 32, 3]
    ),
  };
}

/** The names of the weights whose gradients are looked at: the decoder's. */
export const CONSTRAINED: readonly string[] = [0, 2, 4, 6].map((i) => `decoder.${i}.weight`);

/** How images are passed through. */
export interface ReconstructionOptions {
  /** Whether the encoder gets no gradients. Default false. */
  frozen?: boolean;
  /** Where ReLUs are noted, or held as they were. */
  gates?: Gates;
}

/** Images through the code and back. */
export function reconstruct(
  net: Network,
  tape: Tape,
  pixels: Tensor,
  { frozen, gates }: ReconstructionOptions = {},
): Tensor {
  return net.forward("decoder", tape, net.forward("encoder", tape, pixels, { frozen, gates }), { gates });
}
