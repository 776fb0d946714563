/**
 * The variational autoencoder's network: the convolutional autoencoder of Bergmann et al. 2018 (../ae/net.ts), as Dehaene et
 * al. 2020 have it, with a code twice as long: the latent's means, then the logarithms of its variances.
 *
 * @module
 */
import { channels } from "../../autograd/shapes.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { Network, Parts, PassOptions } from "../../model/network.ts";
import { autoencoder, type AutoencoderSizes } from "../ae/net.ts";

/** The network for images [B, S, S, 3]: the encoder's [B, 2 · latent], and from [B, latent] back to the image's mean. */
export function variationalAutoencoder(sizes: AutoencoderSizes): Parts {
  const { encoder } = autoencoder({ ...sizes, latent: 2 * sizes.latent }), { decoder } = autoencoder(sizes);
  return { encoder, decoder };
}

/** q(z | x), a Gaussian for each image. */
export interface Posterior {
  /** [B, latent] */
  readonly mu: Tensor;
  /** log σ², [B, latent] */
  readonly logVariance: Tensor;
}

/** q(z | x) of images [B, S, S, 3]. */
export function encode(network: Network, tape: Tape, x: Tensor, options?: PassOptions): Posterior {
  return posteriorOf(tape, network.forward("encoder", tape, x, options));
}

/** The two halves of a code [B, 2 · latent]. */
export function posteriorOf(tape: Tape, code: Tensor): Posterior {
  const latent = code.shape[1] / 2;
  return { mu: channels(tape, code, 0, latent), logVariance: channels(tape, code, latent, latent) };
}

/** Images by way of the means of q(z | x). */
export function reconstruct(network: Network, tape: Tape, x: Tensor, options?: PassOptions): Tensor {
  return network.forward("decoder", tape, encode(network, tape, x, options).mu, options);
}
