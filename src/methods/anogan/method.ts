/**
 * `anogan` (Schlegl et al. 2017, arXiv 1703.05921): a generator of normal images, and for an image the z whose image G(z) is
 * closest to it, found along the gradient of A(z) = (1 − λ) · Σ |x − G(z)| + λ · Σ |f(x) − f(G(z))|. That is the image's
 * score; a pixel's is |x − G(z)|, summed over the channels. With `encoder`, f-AnoGAN (Schlegl et al. 2019): z = E(x), and the
 * score is what the encoder learned by, mean (x − G(z))² + κ · mean (f(x) − f(G(z)))².
 *
 * @module
 */
import { abs, scale, square, subtract } from "../../autograd/arithmetic.ts";
import { add } from "../../autograd/ops.ts";
import { meanImages, sum, sumChannels } from "../../autograd/reductions.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Adam } from "../../optim/adam.ts";
import { Parameters } from "../../optim/parameters.ts";
import { checkPyramid } from "../dcgan.ts";
import { mapsOf, scoresOf, windowOf } from "../maps.ts";
import type { ScoreSettings } from "../method.ts";
import { whole, yesOrNo } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { anoganNets, type AnoganSizes } from "./net.ts";
import { ANOGAN_RULES, anoganDefaults, type AnoganSettings } from "./settings.ts";
import { adversarial, encode, encoding, featuresOf, generate, toSigned } from "./train.ts";

type Sizes = Omit<AnoganSizes, "S">;
type Model = TrainedModel<Sizes>;

/** The folder of the networks that come before the encoder, in a run's. */
const GAN = "gan";
/** Images whose z are searched together. */
const TOGETHER = 16;

/** The method. */
export const anogan = trainedMethod<AnoganSettings, Sizes>({
  name: "anogan",
  about:
    "the closest image of a generator of normal ones (Schlegl et al. 2017), with {encoder} by f-AnoGAN's",
  input: "pixels",
  maps: true,
  settings: ANOGAN_RULES,
  defaults: anoganDefaults,
  check: checkPyramid,
  lower: ["width", "latent"],
  stages: [GAN],
  sizes: { width: whole(1, 1024), latent: whole(1, 65536), encoder: yesOrNo },
  sizesOf: ({ width, latent, encoder }) => ({ width, latent, encoder }),
  networks: anoganNets,
  async begin({ settings: { encoder, gan_epochs }, before }) {
    if (!encoder) return new Map();
    return (await before(GAN, { encoder: false, epochs: gan_epochs })).tensors;
  },
  train: (model, settings) => settings.encoder ? encoding(model, settings) : adversarial(model, settings),
  async score(model, { size, pixels }, settings) {
    const { gpu, sizes: { S, encoder, latent } } = model;
    const maps = new Float32Array(size * S * S), scores = new Float32Array(size);
    for (let first = 0; first < size; first += TOGETHER) {
      const B = Math.min(TOGETHER, size - first), some = pixels.part(first * S * S * 3, [B, S, S, 3]);
      using z = encoder ? null : new Parameters(gpu, new Map([["z", [B, 1, 1, latent]]]));
      if (z) await search(model, some, z, settings);
      await gpu.step(async (gpu) => {
        const tape = scoringTape(gpu), x = toSigned(tape, some);
        const made = generate(model, tape, z ? z.get("z") : encode(model, tape, x));
        const map = mapsOf(
          gpu,
          sumChannels(tape, abs(tape, subtract(tape, x, made))),
          { C: 3, H: S, W: S },
          settings,
        );
        const all = settings.image_rule === "map"
          ? scoresOf(gpu, map, settings, windowOf(S))
          : distances(model, tape, x, made, settings);
        const [m, s] = await gpu.stream.read(map, all);
        maps.set(m, first * S * S);
        scores.set(s, first);
      });
    }
    return { maps, scores, ...(settings.image_rule === "map" ? { window: windowOf(S) } : {}) };
  },
});

/** What an image's score is by its paper, [B]: sums, where an encoder has learned by means. */
function distances(model: Model, tape: Tape, x: Tensor, made: Tensor, settings: ScoreSettings): Tensor {
  const { encoder } = model.sizes, { lambda, kappa } = settings as unknown as AnoganSettings;
  const weights = encoder ? [1, kappa] : [1 - lambda, lambda], of = encoder ? square : abs;
  const [images, features] = [[x, made], [x, made].map((of) => featuresOf(model, tape, of))].map(
    ([a, b], i) => {
      const d = meanImages(tape, of(tape, subtract(tape, a, b)));
      return scale(tape, d, weights[i] * (encoder ? 1 : a.size / a.shape[0]));
    },
  );
  return add(tape, images, features);
}

/** Moves z, zeros to begin with, along the gradient of A, each image's on its own. */
async function search(model: Model, pixels: Tensor, z: Parameters, settings: ScoreSettings): Promise<void> {
  const { iterations, latent_lr: lr } = settings as unknown as AnoganSettings;
  using adam = new Adam(model.gpu, z);
  for (let i = 0; i < iterations; i++) {
    await model.gpu.step((scope) => {
      const tape = scoringTape(scope, true), x = toSigned(tape, pixels);
      tape.backward(sum(tape, distances(model, tape, x, generate(model, tape, z.get("z")), settings)));
      adam.step(tape, { lr });
    });
  }
}
