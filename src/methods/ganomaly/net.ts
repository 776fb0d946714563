/**
 * GANomaly's networks (Akcay et al. 2018, arXiv 1805.06725): an encoder, a decoder and a second encoder, and the discriminator
 * whose features of an image and of its reconstruction are compared.
 *
 * @module
 */
import type { Parts } from "../../model/network.ts";
import { generator, pyramid, type PyramidSizes, summit } from "../dcgan.ts";

/** Sizes of the networks. */
export interface GanomalySizes extends PyramidSizes {
  /** Values of the code. */
  latent: number;
}

/** Images in −1..1, [B, S, S, 3]. Each encoder is a pyramid and what it ends in. */
export function ganomalyNets(sizes: GanomalySizes): { generator: Parts; discriminator: Parts } {
  const { latent } = sizes;
  return {
    generator: {
      encoder1: pyramid(sizes), // [4, 4, C]
      code1: summit(sizes, latent), // [1, 1, latent]
      decoder: generator(sizes, latent), // [S, S, 3]
      encoder2: pyramid(sizes),
      code2: summit(sizes, latent),
    },
    discriminator: {
      features: pyramid(sizes),
      classifier: summit(sizes, 1), // a logit
    },
  };
}
