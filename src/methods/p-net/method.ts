/**
 * `p-net` (Zhou et al. 2020, ECCV): an image is reconstructed from its structure and, where the maps are deepest, its texture:
 * the relation of both is what is learned. A pixel's score is (1 − λ) · mean |x − x̂| + λ · |s − ŝ|, ŝ the structure of the
 * reconstruction x̂.
 *
 *     generator       w_adv · BCE(D(x̂), 1) + w_l1 · |x − x̂| + w_features · |f(x) − f(x̂)| + w_structure · |s − ŝ|, means
 *     discriminator   ½ (BCE(D(x), 1) + BCE(D(x̂), 0))
 *
 * The discriminator always sees x and x̂ in one batch, so that both are normalised alike.
 *
 * @module
 */
import { abs, scale, subtract } from "../../autograd/arithmetic.ts";
import { l1Loss } from "../../autograd/distances.ts";
import { add } from "../../autograd/ops.ts";
import { sumChannels, weightedSum } from "../../autograd/reductions.ts";
import { concat, detach } from "../../autograd/shapes.ts";
import { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import type { Network, PassOptions } from "../../model/network.ts";
import { Adam } from "../../optim/adam.ts";
import { BETAS, says, some, sumOfSquares, together } from "../adversarial.ts";
import { scoreByShare } from "../maps.ts";
import { type Settings, whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel, type Training } from "../trained.ts";
import { LAYERS, pnetNets, type PnetSizes } from "./net.ts";
import { checkPnet, PNET_RULES, pnetDefaults, type PnetSettings } from "./settings.ts";
import { structureOf } from "./structure.ts";

type Model = TrainedModel<PnetSizes>;

/** The method. */
export const pNet = trainedMethod<PnetSettings, PnetSizes>({
  name: "p-net",
  about: "images reconstructed from their edges and their texture (Zhou et al. 2020)",
  input: "pixels",
  maps: true,
  settings: PNET_RULES,
  defaults: pnetDefaults,
  check: checkPnet,
  lower: ["width"],
  sizes: { width: whole(1, 1024) },
  sizesOf: ({ width }) => ({ width }),
  networks: pnetNets,
  train: learning,
  score: (model, { pixels: x }, settings) =>
    scoreByShare(model.gpu, model.sizes, settings, (gpu) => {
      const tape = scoringTape(gpu), { lambda } = settings as unknown as PnetSettings;
      const [structure, made] = reconstruct(model, tape, x);
      const distance = (a: Tensor, b: Tensor) => sumChannels(tape, abs(tape, subtract(tape, a, b)));
      return add(
        tape,
        scale(tape, distance(x, made), (1 - lambda) / 3),
        scale(tape, distance(structure, structureOf(tape, made)), lambda),
      );
    }),
});

/** The structure of images [B, S, S, 3], and what is made of it. */
function reconstruct({ networks }: Model, tape: Tape, x: Tensor, options?: PassOptions): [Tensor, Tensor] {
  const structure = structureOf(tape, x);
  return [structure, networks.generator.forward("generator", tape, concat(tape, [x, structure]), options)];
}

/** The training. */
function learning(
  model: Model,
  { lr, weight_decay, clip, w_adv, w_l1, w_features, w_structure }: Settings<PnetSettings>,
): Training {
  const { generator, discriminator } = model.networks, options = { lr, weight_decay, clip, betas: BETAS };
  const [moveGenerator, moveDiscriminator] = [generator, discriminator]
    .map(({ parameters }) => new Adam(model.gpu, parameters));
  return {
    groups: [
      { parameters: generator.parameters, optimizer: moveGenerator },
      { parameters: discriminator.parameters, optimizer: moveDiscriminator },
    ],
    step(scope, { pixels: x, size: B }) {
      const tape = new Tape(scope), other = new Tape(scope);
      const [structure, made] = reconstruct(model, tape, x, { training: true });
      const judged = says(other, judge(discriminator, other, x, detach(made)).logits, 1, 0);
      other.backward(judged);
      const moved = moveDiscriminator.step(other, options);

      const { features, logits } = judge(discriminator, tape, x, made, { frozen: true });
      const halves = (of: Tensor) => [0, B].map((first) => some(tape, of, first, B));
      const matching = features.map((of): [number, Tensor] => {
        const [real, found] = halves(of);
        return [w_features / LAYERS.length, l1Loss(tape, found, detach(real))];
      });
      const l1 = l1Loss(tape, made, x), consistency = l1Loss(tape, structureOf(tape, made), structure);
      const loss = weightedSum(tape, [
        [w_adv, says(tape, halves(logits)[1], 1)],
        [w_l1, l1],
        ...matching,
        [w_structure, consistency],
      ]);
      tape.backward(loss);
      const squares = sumOfSquares(scope, [moveGenerator.step(tape, options), moved]);
      return { loss, parts: { discriminator: judged, l1, structure: consistency }, squares, lr };
    },
  };
}

/** What a discriminator says of images and of reconstructions, and its maps on the way: [2B, …], both in one batch. */
function judge(
  discriminator: Network,
  tape: Tape,
  x: Tensor,
  made: Tensor,
  options?: PassOptions,
): { features: Tensor[]; logits: Tensor } {
  const features: Tensor[] = [], all = { ...options, training: true };
  for (const layer of LAYERS) {
    features.push(discriminator.forward(layer, tape, features.at(-1) ?? together(tape, x, made), all));
  }
  return { features, logits: discriminator.forward("classifier", tape, features.at(-1)!, all) };
}
