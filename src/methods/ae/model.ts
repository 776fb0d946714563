/**
 * What the autoencoders share of a method beside the network: its sizes in a model file, and a pass through it.
 *
 * @module
 */
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { PassOptions } from "../../model/network.ts";
import { whole } from "../settings.ts";
import type { TrainedModel } from "../trained.ts";
import type { AutoencoderSettings } from "./settings.ts";

/** Sizes beside those that every model has. */
export const sizes = {
  sizes: { latent: whole(1, 65536), width: whole(1, 1024) },
  sizesOf: ({ latent, width }: AutoencoderSettings): { latent: number; width: number } => ({ latent, width }),
};

/** Images [B, S, S, 3] through the code and back. */
export function reconstruct(
  { networks: { autoencoder } }: TrainedModel,
  tape: Tape,
  pixels: Tensor,
  options?: PassOptions,
): Tensor {
  return autoencoder.forward("decoder", tape, autoencoder.forward("encoder", tape, pixels, options), options);
}
