/**
 * How Patch SVDD's encoder learns (Yi & Yoon 2020): on pairs of patches of both sizes,
 *
 *     Σ over sizes   λ · ‖h(p) − h(p′)‖ of patches that nearly coincide   (SVDD′)
 *                    + cross-entropy of the side on which p₂ lies, from h(p₁) − h(p₂)
 *
 * and the codes of all patches of an image, by one pass over the whole image.
 *
 * @module
 */
import { scale, sqrt, subtract } from "../../autograd/arithmetic.ts";
import { conv } from "../../autograd/conv.ts";
import { activation } from "../../autograd/activations.ts";
import { crossEntropy } from "../../autograd/cross_entropy.ts";
import { squaredDistance } from "../../autograd/distances.ts";
import { maxPool } from "../../autograd/pooling.ts";
import { channels } from "../../autograd/shapes.ts";
import { mean, weightedSum } from "../../autograd/reductions.ts";
import type { Tape } from "../../autograd/tape.ts";
import { SettingError } from "../../errors.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { Random } from "../../hash.ts";
import { Adam } from "../../optim/adam.ts";
import { atLeast0, oneOfNumbers, type Rules, whole } from "../settings.ts";
import { scoringTape, trainedMethod, type TrainedModel } from "../trained.ts";
import { byPreset, LEARNING_RULES, type LearningSettings, oneLoss } from "../training.ts";
import { patchNets, type PatchSizes } from "./net.ts";
import { cut, neighbours, type Pair, twins } from "./patches.ts";

/** What Patch SVDD can be told. */
export interface PatchSettings extends LearningSettings, PatchSizes {
  /** λ: weight of patches that nearly coincide. */
  lambda: number;
}

const rules: Rules<PatchSettings> = {
  ...LEARNING_RULES,
  patch: {
    schema: oneOfNumbers(16, 32, 64),
    value: "K",
    help: "side of the large patches: 16, 32 or 64; the small ones have half",
  },
  width: { schema: whole(1, 1024), value: "N", help: "channels of the encoder's first layer" },
  code: { schema: whole(1, 4096), value: "D", help: "values of a patch's code" },
  lambda: {
    schema: atLeast0,
    value: "X",
    help: "weight of patches that nearly coincide, whose codes shall be alike",
  },
};

/** The encoder, as a method without a score of its own. */
export const encoder = trainedMethod<PatchSettings, PatchSizes>({
  name: "psvdd",
  about: "the nearest of all training patches, by an encoder learned from these (Yi & Yoon 2020)",
  input: "pixels",
  maps: true,
  settings: rules,
  defaults: byPreset<PatchSettings>({
    image_size: 256,
    epochs: 300,
    batch_size: 64,
    lr: 1e-4,
    weight_decay: 0,
    clip: 0,
    shuffle: true,
    patch: 64,
    width: 32,
    code: 64,
    lambda: 1e-3,
  }, { image_size: 64, epochs: 40, batch_size: 20, lr: 1e-3, patch: 16, width: 8, code: 16 }),
  check({ image_size, patch }) {
    if (image_size >= patch) return;
    throw new SettingError(`Expected {image_size} to be at least {patch} ${patch}, but found ${image_size}`);
  },
  lower: ["width", "code"],
  sizes: {
    patch: oneOfNumbers(16, 32, 64),
    width: whole(1, 1024),
    code: whole(1, 4096),
  },
  sizesOf: ({ patch, width, code }) => ({ patch, width, code }),
  networks: (sizes) => ({ encoder: patchNets(sizes) }),
  train: oneLoss({
    network: "encoder",
    optimizer: (gpu, parameters) => new Adam(gpu, parameters),
    loss(model, tape, { samples }, { seed, lambda }, { step }) {
      const { S, patch, code: D } = model.sizes, random = new Random(seed, `patches ${step}`);
      const images = samples.map(({ features }) => features), terms: [number, Tensor][] = [];
      const draw = (pairOf: typeof twins, K: number) => images.map(() => pairOf(random, S, K));
      const sides = { large: draw(neighbours, patch), small: draw(neighbours, patch / 2) };
      const alike = { large: draw(twins, patch), small: draw(twins, patch / 2) };
      for (const kind of ["large", "small"] as const) {
        const h = encode(model, tape, kind, images, sides[kind], alike[kind]);
        const [p1, q1, p2, q2] = [0, 1, 2, 3].map((i) => channels(tape, h, i * D, D));
        const logits = model.networks.encoder.forward(`side_${kind}`, tape, subtract(tape, p1, p2));
        const labels = Uint32Array.from(sides[kind], ({ side }) => side);
        terms.push([1, crossEntropy(tape, logits, tape.gpu.tensor(labels))], [
          lambda,
          distance(tape, q1, q2),
        ]);
      }
      return weightedSum(tape, terms);
    },
  }),
  score: () => Promise.reject(new Error("Expected a bank of patches to score with")),
});

/** Mean of ‖x − y‖ over rows; a trace is added below the root, whose slope at 0 is none. */
function distance(tape: Tape, x: Tensor, y: Tensor): Tensor {
  return mean(tape, sqrt(tape, scale(tape, squaredDistance(tape, x, y), 1, 1e-12)));
}

/** Codes of four patches of each image, [n, 4 · D]: first patches of both pairs, then second ones. */
function encode(
  { sizes: { S, patch, code: D }, networks: { encoder: net } }: TrainedModel<PatchSizes>,
  tape: Tape,
  kind: "large" | "small",
  images: readonly Float32Array[],
  sides: readonly Pair[],
  alike: readonly Pair[],
): Tensor {
  const k = patch / 2, values = k * k * 3, n = images.length, training = true;
  const quarters = kind === "small" ? [[0, 0]] : [[0, 0], [0, k], [k, 0], [k, k]];
  const count = 4 * n * quarters.length, pixels = new Float32Array(count * values);
  let at = 0;
  for (const [i, image] of images.entries()) {
    for (const [y, x] of [sides[i].first, alike[i].first, sides[i].second, alike[i].second]) {
      for (const [down, right] of quarters) {
        cut(image, S, [y + down, x + right], k, pixels.subarray(at, at += values));
      }
    }
  }
  const x = scale(tape, tape.gpu.tensor(pixels, [count, k, k, 3]), 2, -1);
  const codes = net.forward("small", tape, x, { training });
  if (kind === "small") return codes.view([n, 4 * D]);
  return net.forward("large", tape, codes.view([4 * n, 2, 2, D]), { training }).view([n, 4 * D]);
}

/** Steps between patches whose codes are kept, pixels: an eighth of the small ones, a quarter of the large ones, at least 2. */
export function stepsOf(patch: number): { small: number; large: number } {
  return { small: Math.max(2, patch / 16), large: Math.max(2, patch / 4) };
}

/** How many patches lie along a side. */
export function patchesAlong({ S, patch }: { S: number; patch: number }): { small: number; large: number } {
  const { small, large } = stepsOf(patch);
  return { small: Math.floor((S - patch / 2) / small) + 1, large: Math.floor((S - patch) / large) + 1 };
}

/** The codes of images' patches in steps, [B · n · n, D] of each size; `pixels` [B, S, S, 3]. Within a step. */
export function codesOf(
  { sizes: { patch, code: D }, networks: { encoder: net } }: TrainedModel<PatchSizes>,
  gpu: Tape["gpu"],
  pixels: Tensor,
): { small: Tensor; large: Tensor } {
  const tape = scoringTape(gpu), codes = net.forward("small", tape, scale(tape, pixels, 2, -1)); // every 2 pixels
  const get = (name: string) => net.parameters.get(`large.${name}`);
  // The quarters of a large patch are `patch / 4` codes apart.
  const dilation = patch / 4;
  const inner = conv(tape, codes, get("0.weight"), get("0.bias"), { dilation, act: { leaky: 0.1 } });
  const large = activation(tape, conv(tape, inner, get("2.weight"), get("2.bias")), "tanh");
  const steps = stepsOf(patch);
  const every = (x: Tensor, step: number) => {
    const some = maxPool(tape, x, 1, { stride: step / 2 });
    return some.view([some.size / D, D]);
  };
  return { small: every(codes, steps.small), large: every(large, steps.large) };
}
