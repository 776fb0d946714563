/**
 * OCGAN's networks (Perera et al. 2019, arXiv 1903.08550): an autoencoder of three 5×5 convolutions of stride 2 whose code lies
 * in (−1, 1)^d, discriminators of codes and of images, and a classifier of images. Batch normalisation and an activation stand
 * behind all layers but the last.
 *
 * @module
 */
import {
  act,
  batchNorm,
  conv2d,
  convTranspose2d,
  flatten,
  type Layer,
  linear,
  sequential,
  unflatten,
} from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Sizes of the networks. */
export interface OcganSizes {
  /** Side of the images, a multiple of 8. */
  S: number;
  /** d: values of the code. */
  latent: number;
  /** Channels of the autoencoder's and the classifier's first layer. */
  width: number;
  /** Channels of the visual discriminator's first layer. */
  visual_width: number;
}

const relu = act("relu"), leaky = act({ leaky: 0.2 });
/** Before batch normalisation, which takes a bias out again. */
const plain = { bias: false };
const half = { ...plain, stride: 2, padding: 2 }, twice = { ...half, outputPadding: 1 };

/** Images in 0..1, [B, S, S, 3]; shapes are those of S = 32, width 64. */
export function ocganNets(
  { S, latent, width, visual_width }: OcganSizes,
): { autoencoder: Parts; classifier: Parts; discriminators: Parts } {
  const s = S / 8, [w, w2, w4] = [width, 2 * width, 4 * width];
  if (!Number.isInteger(s)) throw new RangeError(`Expected images of a multiple of 8 a side, but found ${S}`);
  return {
    autoencoder: {
      encoder: sequential(
        ...pyramid(width, leaky), // [4, 4, 256]
        ...[flatten(), linear(s * s * w4, latent), act("tanh")],
      ),
      decoder: sequential(
        ...[linear(latent, s * s * w4, plain), unflatten(s, s, w4), batchNorm(w4), leaky], // [4, 4, 256]
        ...[convTranspose2d(w4, w2, 5, twice), batchNorm(w2), leaky], // [8, 8, 128]
        ...[convTranspose2d(w2, w, 5, twice), batchNorm(w), leaky], // [16, 16, 64]
        ...[convTranspose2d(w, 3, 5, { ...twice, bias: true }), act("sigmoid")], // [32, 32, 3]
      ),
    },
    classifier: { classifier: judge(s, width) },
    discriminators: {
      latent: sequential(
        ...[linear(latent, 128, plain), batchNorm(128), relu],
        ...[linear(128, 64, plain), batchNorm(64), relu],
        ...[linear(64, 32, plain), batchNorm(32), relu],
        ...[linear(32, 16, plain), batchNorm(16), relu],
        linear(16, 1), // a logit
      ),
      visual: judge(s, visual_width),
    },
  };
}

/** Images to maps of an eighth of their side. */
function pyramid(width: number, act: Layer): Layer[] {
  return [3, width, 2 * width].flatMap((inputs, i) => {
    const outputs = width * 2 ** i;
    return [conv2d(inputs, outputs, 5, half), batchNorm(outputs), act];
  });
}

/** Images to a logit, [B, 1]. */
function judge(s: number, width: number): Layer {
  return sequential(...pyramid(width, relu), flatten(), linear(s * s * 4 * width, 1));
}
