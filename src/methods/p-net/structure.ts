/**
 * What P-Net takes for an image's structure here: soft edges by fixed filters, tanh(10 · |∇|) of the brightness, |∇| by Sobel's
 * filters as brightness a pixel. They need no labels, and gradients pass through them.
 *
 * @module
 */
import { activation } from "../../autograd/activations.ts";
import { scale, sqrt, square } from "../../autograd/arithmetic.ts";
import { conv } from "../../autograd/conv.ts";
import { pad, reshape } from "../../autograd/shapes.ts";
import { sumChannels } from "../../autograd/reductions.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";

const ACROSS = [-1, 0, 1, -2, 0, 2, -1, 0, 1], DOWN = [-1, -2, -1, 0, 0, 0, 1, 2, 1];
/** [2, 3, 3, 3]: the mean of the channels, and Sobel's sums of 8 differences over 1 pixel. */
const FILTERS = [ACROSS, DOWN].flatMap((filter) => [filter, filter, filter]).flat().map((w) => w / 24);
/** Below √ where nothing changes, which has no slope. */
const LEAST = 1e-6;

/** Images [B, S, S, 3] in 0..1 to edges [B, S, S, 1] in 0..1; there are none at the border. */
export function structureOf(tape: Tape, x: Tensor): Tensor {
  const slopes = conv(tape, x, tape.gpu.tensor(FILTERS, [2, 3, 3, 3]), null); // [B, S - 2, S - 2, 2]
  const length = sqrt(tape, scale(tape, sumChannels(tape, square(tape, slopes)), 1, LEAST));
  const edges = activation(tape, scale(tape, length, 10), "tanh");
  return pad(tape, reshape(tape, edges, [...edges.shape, 1]), { top: 1, bottom: 1, left: 1, right: 1 });
}
