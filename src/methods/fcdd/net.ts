/**
 * The part of FCDD that is trained (Liznerski et al. 2021, arXiv 2007.01760): two 3×3 convolutions over frozen features, and a 1×1 one to
 * a map. Nothing has a bias, and normalisation no scale and shift: no constant can be learned, which would map all images alike.
 *
 * @module
 */
import { act, batchNorm, conv2d, sequential } from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Its sizes. */
export interface FcddSizes {
  /** Channels of the features. */
  C: number;
  /** Channels of the convolutions, 512 in the paper. */
  width: number;
}

const same = { padding: 1, bias: false }, relu = act("relu");
const norm = (channels: number) => batchNorm(channels, { affine: false });

/** The network for features [B, H, W, C]. */
export function network({ C, width }: FcddSizes): Parts {
  return {
    map: sequential(
      ...[conv2d(C, width, 3, same), norm(width), relu], // [H, W, 512]
      ...[conv2d(width, width, 3, same), norm(width), relu],
      conv2d(width, 1, 1, { bias: false }), // [H, W, 1]
    ),
  };
}
