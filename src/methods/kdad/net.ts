/**
 * The cloner of Salehi et al. 2021 (arXiv 2011.11108): groups of narrow 3×3 convolutions with batch normalisation and ReLU, a
 * maximum over 2×2 between them. The last convolution of a group has as many channels as the level of the teacher that it learns.
 *
 * @module
 */
import { averagePool } from "../../autograd/pooling.ts";
import type { Tape } from "../../autograd/tape.ts";
import { upsample } from "../../autograd/upsample.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { act, batchNorm, conv2d, maxPool, sequential } from "../../model/layers.ts";
import type { Network, Parts, PassOptions } from "../../model/network.ts";

/** Its sizes. */
export interface ClonerSizes {
  /** Side of the images. */
  S: number;
  /** Side of the teacher's maps. */
  H: number;
  /** Channels of each of the teacher's levels. */
  levels: readonly number[];
  /** Channels of all other convolutions, 16 in the paper. */
  width: number;
}

const norm = batchNorm, relu = act("relu"), same = { padding: 1 };

/**
 * The network for images [B, S, S, 3]: a group for each level and, where that halves the side too seldom to come down to H, others
 * before. Shapes are those of S = 128, H = 4, width 16 and the last four levels of VGG-16: the paper's cloner.
 */
export function cloner({ S, H, levels, width: w }: ClonerSizes): Parts {
  const halvings = Math.floor(Math.log2(S / H)), plain = Math.max(0, halvings - levels.length);
  const outputs = [...Array<number>(plain).fill(w), ...levels];
  return Object.fromEntries(outputs.map((out, i) => [
    `group${i}`,
    sequential( // [128, 128, 16], [64, 64, 128], [32, 32, 256], [16, 16, 512], [8, 8, 512]
      ...(i > 0 ? [relu] : []),
      ...(i > 0 && i <= halvings ? [maxPool(2)] : []),
      ...[conv2d(outputs[i - 1] ?? 3, w, 3, same), norm(w), relu],
      ...(i < 2 ? [] : [conv2d(w, w, 3, same), norm(w), relu]), // as VGG-16 has two in the first two groups
      ...[conv2d(w, out, 3, same), norm(out)],
    ),
  ]));
}

/** What it says of the teacher's levels, before the ReLU: maps [B, H, H, C] each, means over cells of its own. */
export function clone(
  network: Network,
  tape: Tape,
  pixels: Tensor,
  sizes: ClonerSizes,
  options?: PassOptions,
): Tensor[] {
  const { H, levels } = sizes, groups = Object.keys(cloner(sizes));
  const outputs: Tensor[] = [];
  for (const group of groups) outputs.push(network.forward(group, tape, outputs.at(-1) ?? pixels, options));
  return outputs.slice(-levels.length).map((x) => {
    const cells = Math.floor(x.shape[1] / H), y = cells > 1 ? averagePool(tape, x, cells) : x;
    return y.shape[1] === H ? y : upsample(tape, y, [H, H], "bilinear", { alignCorners: true });
  });
}
