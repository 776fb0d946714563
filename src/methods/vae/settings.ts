/**
 * What the variational autoencoders can be told: an autoencoder's settings, and how exactly its decoder is to be believed.
 *
 * @module
 */
import { AUTOENCODER_RULES, type AutoencoderSettings } from "../ae/settings.ts";
import { above0, oneOf, type Rules, whole } from "../settings.ts";

/** What both methods with this network share. */
export interface VariationalSettings extends AutoencoderSettings {
  /** σ² of p(x | z), of values in 0..1: the smaller, the less the divergence weighs. */
  variance: number;
}

/** Settings of `vae`. */
export interface VaeSettings extends VariationalSettings {
  /** L: samples of the latent that a score is the mean over; 0: its mean alone. */
  samples: number;
  /** Whether the divergence counts as part of a score. */
  vae_score: "reconstruction" | "elbo";
}

/** The rules of {@linkcode VariationalSettings}. */
export const VARIATIONAL_RULES: Rules<VariationalSettings> = {
  ...AUTOENCODER_RULES,
  variance: { schema: above0, value: "X", help: "variance of a pixel around the decoder's, values in 0..1" },
};

/** The rules of `vae`. */
export const VAE_RULES: Rules<VaeSettings> = {
  ...VARIATIONAL_RULES,
  samples: {
    schema: whole(0, 1000),
    value: "L",
    help: "samples of the latent that a score is the mean over; 0: the latent's mean",
    scoring: true,
  },
  vae_score: {
    schema: oneOf("reconstruction", "elbo"),
    value: "NAME",
    help:
      "a pixel's score: reconstruction, its negative log-likelihood; elbo: the image's divergence too, spread over its pixels",
    scoring: true,
  },
};

/** As autoencoders of Bergmann et al. are trained, with images of 128×128 pixels. */
export const PAPER = {
  image_size: 128,
  epochs: 200,
  batch_size: 128,
  lr: 2e-4,
  weight_decay: 1e-5,
  clip: 0,
  shuffle: true,
  latent: 100,
  width: 32,
  variance: 0.02,
};

/** The demo's, with images of 64×64. */
export const DEMO = { image_size: 64, epochs: 40, batch_size: 8, lr: 4e-3, latent: 32, width: 8 };
