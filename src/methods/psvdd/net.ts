/**
 * Patch SVDD's networks (Yi & Yoon 2020, arXiv 2006.16067): an encoder of small patches, 3×3 convolutions without padding of
 * which the first has stride 2; one of patches twice as large, a 2×2 convolution over the codes of their quarters; and for each
 * a classifier of which of eight sides a patch lies on. Leaky ReLU (0.1), tanh behind encoders.
 *
 * @module
 */
import { act, conv2d, type Layer, linear, sequential } from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Sizes of the networks. */
export interface PatchSizes {
  /** Side of the large patches, 16, 32 or 64; the small ones have half of it. */
  patch: number;
  /** Channels of the first layer, 32 in the paper. */
  width: number;
  /** D: values of a code. */
  code: number;
}

const leaky = act({ leaky: 0.1 });

/** Channels behind the first layer, in its multiples, but for the code's. Shorter ones leave out the middle. */
const CHANNELS = [2, 4, 4, 2, 1, 1];

/** The networks for patches [n, k, k, 3]. Shapes are those of the paper: k = 32, width 32, D 64. */
export function patchNets({ patch, width, code }: PatchSizes): Parts {
  const count = patch / 8 - 1, from = Math.ceil((count - 1) / 2); // of stride 1
  if (![1, 3, 7].includes(count)) {
    throw new RangeError(`Expected patches of 16, 32 or 64, but found ${patch}`);
  }
  const channels = CHANNELS.filter((_, i) => i < from || i >= CHANNELS.length - (count - 1 - from));
  const outputs = [width, ...channels.map((times) => times * width), code];
  const small: Layer[] = [];
  outputs.forEach((output, i) => { // [15, 15, 32], [13, 13, 64], … [1, 1, 64]
    small.push(conv2d(outputs[i - 1] ?? 3, output, 3, i === 0 ? { stride: 2 } : {}));
    small.push(i === outputs.length - 1 ? act("tanh") : leaky);
  });
  return {
    small: sequential(...small),
    // [2, 2, 64] to [1, 1, 64]: one map of codes would have the quarters `patch / 4` steps apart.
    large: sequential(conv2d(code, 4 * width, 2), leaky, conv2d(4 * width, code, 1), act("tanh")),
    side_small: sideOf(code, width),
    side_large: sideOf(code, width),
  };
}

/** h₁ − h₂ [n, D] to the logits of eight sides. */
function sideOf(code: number, width: number): Layer {
  return sequential(
    ...[linear(code, 4 * width), leaky],
    ...[linear(4 * width, 4 * width), leaky],
    linear(4 * width, 8),
  );
}
