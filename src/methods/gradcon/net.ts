/**
 * GradCon's convolutional autoencoder (Kwon et al. 2020, §4.1): four convolutions that halve the side, and four transposed ones back,
 * with ReLU between them and a sigmoid behind the last. Its layers are parts of their own, as the ReLUs can be held.
 *
 * @module
 */
import { activation } from "../../autograd/activations.ts";
import { multiply } from "../../autograd/arithmetic.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { fill, reluBackward } from "../../kernels/dense/elementwise.ts";
import { conv2d, convTranspose2d } from "../../model/layers.ts";
import type { Network, Parts } from "../../model/network.ts";

/** Its sizes. */
export interface GradconSizes {
  /** Side of the images, a multiple of 16. */
  S: number;
  /** Channels of the first two layers, 32 in the paper: the others have twice as many. */
  width: number;
}

const half = { stride: 2, padding: 1 };

/** The network for images [B, S, S, 3]; shapes are those of S = 32, width 32. */
export function autoencoder({ S, width: w }: GradconSizes): Parts {
  if (S % 16 !== 0) throw new RangeError(`Expected images of a multiple of 16 a side, but found ${S}`);
  return {
    "encoder.0": conv2d(3, w, 4, half), // [16, 16, 32]
    "encoder.2": conv2d(w, w, 4, half), // [8, 8, 32]
    "encoder.4": conv2d(w, 2 * w, 4, half), // [4, 4, 64]
    "encoder.6": conv2d(2 * w, 2 * w, 4, half), // [2, 2, 64]
    "decoder.0": convTranspose2d(2 * w, 2 * w, 4, half), // [4, 4, 64]
    "decoder.2": convTranspose2d(2 * w, w, 4, half), // [8, 8, 32]
    "decoder.4": convTranspose2d(w, w, 4, half), // [16, 16, 32]
    "decoder.6": convTranspose2d(w, 3, 4, half), // [32, 32, 3]
  };
}

const LAYERS = ["encoder", "decoder"].flatMap((part) => [0, 2, 4, 6].map((i) => `${part}.${i}`));
const isDecoders = (layer: string) => layer.startsWith("decoder");

/** The names of the weights whose gradients are looked at: the decoder's. */
export const CONSTRAINED: readonly string[] = LAYERS.filter(isDecoders).map((layer) => `${layer}.weight`);

/** How images are passed through. */
export interface ReconstructionOptions {
  /** Whether the encoder gets no gradients. Default false. */
  frozen?: boolean;
  /** Which values ReLUs let through, 1 or 0 of each, ReLU by ReLU: empty for those that are positive, which are put in then. */
  gates?: Tensor[];
}

/** Images through the code and back. */
export function reconstruct(
  net: Network,
  tape: Tape,
  pixels: Tensor,
  { frozen = false, gates }: ReconstructionOptions = {},
): Tensor {
  const isHeld = gates !== undefined && gates.length > 0;
  return LAYERS.reduce((x, layer, i) => {
    const y = net.forward(layer, tape, x, { frozen: frozen && !isDecoders(layer) });
    if (i === LAYERS.length - 1) return activation(tape, y, "sigmoid");
    if (isHeld) return multiply(tape, y, gates[i]);
    const open = activation(tape, y, "relu");
    gates?.push(gateOf(tape, open));
    return open;
  }, pixels);
}

/** 1 where ReLU's result is above 0, else 0. */
function gateOf({ gpu }: Tape, y: Tensor): Tensor {
  const ones = gpu.empty(y.shape, "ones"), gate = gpu.empty(y.shape, "a gate");
  fill(gpu, ones, 1);
  reluBackward(gpu, ones, y, gate);
  gpu.release(ones);
  return gate;
}
