/**
 * How both methods with this network learn: by the evidence lower bound, with Adam.
 *
 * @module
 */
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { Adam } from "../../optim/adam.ts";
import type { TrainedMethod } from "../trained.ts";
import { oneLoss } from "../training.ts";
import { elboLoss } from "./elbo.ts";
import { encode } from "./net.ts";
import type { VariationalSettings } from "./settings.ts";

/** Trains the network `vae`. */
export function trainByElbo<S extends VariationalSettings, Z extends object>(): TrainedMethod<S, Z>["train"] {
  return oneLoss<S, Z>({
    network: "vae",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss({ networks: { vae } }, tape, { pixels }, { variance, seed }, { step }) {
      const decode = (z: Tensor) => vae.forward("decoder", tape, z);
      return elboLoss(tape, pixels, encode(vae, tape, pixels), decode, {
        variance,
        seed: new Random(seed, `latent ${step}`).bits(),
      });
    },
  });
}
