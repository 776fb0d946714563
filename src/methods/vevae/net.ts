/**
 * VEVAE's network: a variational autoencoder whose encoder is ResNet-18 (He et al. 2016), as Liu et al. 2020 have it for
 * MVTec-AD. The encoder is cut in two at the layer whose maps the attention is over.
 *
 * @module
 */
import {
  act,
  batchNorm,
  conv2d,
  convTranspose2d,
  flatten,
  type Layer,
  linear,
  maxPool,
  residual,
  sequential,
  unflatten,
} from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Its sizes. */
export interface VevaeSizes {
  /** Side of the images, a multiple of 32. */
  S: number;
  /** Values of the latent. */
  latent: number;
  /** Channels of the first layer, ResNet-18's 64: others have up to eight times as many. */
  width: number;
  /** Behind which of ResNet's four layers it is cut; 0: before the first. */
  layer: number;
}

/** Side and channels of the maps that the attention is over. */
export function mapsAt({ S, width, layer }: VevaeSizes): { side: number; channels: number } {
  const halved = Math.max(layer - 1, 0);
  return { side: S / 4 / 2 ** halved, channels: width * 2 ** halved };
}

/** The network for images [B, S, S, 3]; shapes are those of S = 256, width 64. */
export function vevaeNetwork(sizes: VevaeSizes): Parts {
  const { S, latent, width: w, layer } = sizes, s = S / 32;
  if (!Number.isInteger(s)) {
    throw new RangeError(`Expected images of a multiple of 32 a side, but found ${S}`);
  }
  const layers = [
    sequential(conv2d(3, w, 7, { stride: 2, padding: 3, bias: false }), batchNorm(w), relu, pool), // [64, 64, 64]
    sequential(block(w, w, 1), block(w, w, 1)), // [64, 64, 64]
    sequential(block(w, 2 * w, 2), block(2 * w, 2 * w, 1)), // [32, 32, 128]
    sequential(block(2 * w, 4 * w, 2), block(4 * w, 4 * w, 1)), // [16, 16, 256]
    sequential(block(4 * w, 8 * w, 2), block(8 * w, 8 * w, 1)), // [8, 8, 512]
  ];
  return {
    features: sequential(...layers.slice(0, layer + 1)),
    head: sequential(...layers.slice(layer + 1), flatten(), linear(8 * w * s * s, 2 * latent)), // means, log variances
    decoder: sequential(
      ...[linear(latent, 8 * w * s * s), unflatten(s, s, 8 * w), relu], // [8, 8, 512]
      ...[8, 4, 2, 1].flatMap((n) => doubled(n * w, Math.max(n / 2, 1) * w)), // [16, 16, 256] … [128, 128, 64]
      convTranspose2d(w, 3, 4, half), // [256, 256, 3]
    ),
  };
}

const relu = act("relu"), pool = maxPool(3, { stride: 2, padding: 1 });
const half = { stride: 2, padding: 1 };

/** ResNet's basic block. */
function block(inputs: number, outputs: number, stride: number): Layer {
  const body = sequential(
    ...[conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false }), batchNorm(outputs), relu],
    ...[conv2d(outputs, outputs, 3, { padding: 1, bias: false }), batchNorm(outputs)],
  );
  const shortcut = stride === 1 && inputs === outputs
    ? null
    : sequential(conv2d(inputs, outputs, 1, { stride, bias: false }), batchNorm(outputs));
  return sequential(residual(body, shortcut), relu);
}

/** A map of twice the side. */
function doubled(inputs: number, outputs: number): Layer[] {
  return [convTranspose2d(inputs, outputs, 4, { ...half, bias: false }), batchNorm(outputs), relu];
}
