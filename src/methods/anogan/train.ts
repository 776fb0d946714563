/**
 * How AnoGAN learns: a generative adversarial network (Goodfellow et al. 2014) of normal images,
 *
 *     discriminator   BCE(D(x), 1) + BCE(D(G(z)), 0)
 *     generator       BCE(D(G(z)), 1)
 *
 * and f-AnoGAN's encoder of it (Schlegl et al. 2019, izi_f), which learns when these no longer do:
 * mean (x − G(E(x)))² + κ · mean (f(x) − f(G(E(x))))², f the discriminator's last map.
 *
 * @module
 */
import { scale } from "../../autograd/arithmetic.ts";
import { normals } from "../../autograd/gaussians.ts";
import { meanSquaredError } from "../../autograd/ops.ts";
import { weightedSum } from "../../autograd/reductions.ts";
import { detach } from "../../autograd/shapes.ts";
import { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import type { PassOptions } from "../../model/network.ts";
import { Adam } from "../../optim/adam.ts";
import { BETAS, says, sumOfSquares } from "../adversarial.ts";
import type { Settings } from "../settings.ts";
import type { TrainedModel, Training } from "../trained.ts";
import type { AnoganSizes } from "./net.ts";
import type { AnoganSettings } from "./settings.ts";

type Model = TrainedModel<Omit<AnoganSizes, "S">>;

/** Images 0..1 as the networks take them. */
export function toSigned(tape: Tape, pixels: Tensor): Tensor {
  return scale(tape, pixels, 2, -1);
}

/** The generator and the discriminator against each other. */
export function adversarial(
  model: Model,
  { lr, weight_decay, clip, seed }: Settings<AnoganSettings>,
): Training {
  const { generator, discriminator } = model.networks, options = { lr, weight_decay, clip, betas: BETAS };
  const groups = [generator, discriminator].map(({ parameters }) => ({
    parameters,
    optimizer: new Adam(model.gpu, parameters),
  }));
  return {
    groups,
    step(scope, { pixels, size }, { step }) {
      const tape = new Tape(scope), other = new Tape(scope), training = true;
      const judge = (tape: Tape, x: Tensor, options: PassOptions) => {
        const features = discriminator.forward("features", tape, x, options);
        return discriminator.forward("classifier", tape, features, options);
      };
      const z = normals(scope, [size, 1, 1, model.sizes.latent], new Random(seed, `latents ${step}`).bits());
      const made = generator.forward("generator", tape, z, { training });
      const judged = weightedSum(other, [
        [1, says(other, judge(other, toSigned(other, pixels), { training }), 1)],
        [1, says(other, judge(other, detach(made), { training }), 0)],
      ]);
      other.backward(judged);
      const loss = says(tape, judge(tape, made, { training, frozen: true }), 1);
      tape.backward(loss);
      const squares = sumOfSquares(scope, [
        groups[0].optimizer.step(tape, options),
        groups[1].optimizer.step(other, options),
      ]);
      return { loss, parts: { discriminator: judged }, squares, lr };
    },
  };
}

/** The encoder. The other networks are among the groups, as a checkpoint has to have them, but stay as they are. */
export function encoding(
  model: Model,
  { lr, weight_decay, clip, kappa }: Settings<AnoganSettings>,
): Training {
  const groups = Object.values(model.networks).map(({ parameters }) => ({
    parameters,
    optimizer: new Adam(model.gpu, parameters),
  }));
  const learns = groups[Object.keys(model.networks).indexOf("encoder")].optimizer;
  return {
    groups,
    step(scope, { pixels }) {
      const tape = new Tape(scope), x = toSigned(tape, pixels);
      const made = generate(model, tape, encode(model, tape, x, { training: true }));
      const [wanted, found] = [x, made].map((of) => featuresOf(model, tape, of));
      const loss = weightedSum(tape, [
        [1, meanSquaredError(tape, made, x)],
        [kappa, meanSquaredError(tape, found, wanted)],
      ]);
      tape.backward(loss);
      return { loss, squares: learns.step(tape, { lr, weight_decay, clip, betas: BETAS }), lr };
    },
  };
}

/** x in −1..1 to z. */
export function encode(
  { networks: { encoder } }: Model,
  tape: Tape,
  x: Tensor,
  options?: PassOptions,
): Tensor {
  return encoder.forward("code", tape, encoder.forward("encoder", tape, x, options), options);
}

/** z to images in −1..1, by a generator that has learned. */
export function generate({ networks: { generator } }: Model, tape: Tape, z: Tensor): Tensor {
  return generator.forward("generator", tape, z, { frozen: true });
}

/** The last map of a discriminator that has learned. */
export function featuresOf({ networks: { discriminator } }: Model, tape: Tape, x: Tensor): Tensor {
  return discriminator.forward("features", tape, x, { frozen: true });
}
