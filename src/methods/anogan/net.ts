/**
 * AnoGAN's networks (Schlegl et al. 2017, arXiv 1703.05921): DCGAN's generator and discriminator; and the encoder of f-AnoGAN
 * (Schlegl et al. 2019), a pyramid like the discriminator.
 *
 * @module
 */
import type { Parts } from "../../model/network.ts";
import { generator, pyramid, type PyramidSizes, summit } from "../dcgan.ts";

/** Sizes of the networks. */
export interface AnoganSizes extends PyramidSizes {
  /** Values of z. */
  latent: number;
  /** Whether there is an encoder. */
  encoder: boolean;
}

/** Images in −1..1, [B, S, S, 3]; z [B, 1, 1, latent]. */
export function anoganNets(sizes: AnoganSizes): Record<string, Parts> {
  const { latent, encoder } = sizes;
  return {
    generator: { generator: generator(sizes, latent) },
    discriminator: {
      features: pyramid(sizes), // [4, 4, C]
      classifier: summit(sizes, 1), // a logit
    },
    ...(encoder ? { encoder: { encoder: pyramid(sizes), code: summit(sizes, latent) } } : {}),
  };
}
