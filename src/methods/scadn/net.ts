/**
 * SCADN's networks (Yan et al. 2021, doi 10.1609/aaai.v35i4.16420; after EdgeConnect's, Nazeri et al. 2019): a generator that
 * inpaints images, with residual blocks of dilated convolutions in the middle, and a discriminator of patches.
 *
 * @module
 */
import {
  act,
  constant,
  conv2d,
  type Conv2dOptions,
  instanceNorm,
  type Layer,
  normal,
  residual,
  sequential,
  upsample,
} from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Sizes of the networks. */
export interface ScadnSizes {
  /** Channels at the image's side; each halving doubles them. */
  width: number;
  /** Residual blocks in the middle. */
  blocks: number;
}

const begins = { initial: normal(0.02), initialBias: constant(0) };
const half = { ...begins, stride: 2, padding: 1 }, same = { ...begins, padding: 1 };
const leaky = act({ leaky: 0.2 });

/** Images with their masks [B, S, S, 4] to images in −1..1, S a multiple of 8; shapes are those of S = 64, width 64. */
export function scadnNets({ width: w, blocks }: ScadnSizes): { generator: Parts; discriminator: Parts } {
  const block = (C: number) =>
    residual(sequential(
      ...[...normed(C, C, 3, { padding: 2, dilation: 2 }), act("relu")],
      ...normed(C, C, 3, { padding: 1 }),
    ));
  const larger = (C: number) => [upsample(2), ...normed(C, C / 2, 3, { padding: 1 }), act("relu")];
  return {
    generator: {
      encoder: sequential(
        ...[...normed(4, w, 7, { padding: 3 }), act("relu")], // [64, 64, 64]
        ...[w, 2 * w, 4 * w].flatMap((C) => [...normed(C, 2 * C, 4, half), act("relu")]), // [8, 8, 512]
      ),
      middle: sequential(...Array.from({ length: blocks }, () => block(8 * w))),
      decoder: sequential(
        ...[8 * w, 4 * w, 2 * w].flatMap(larger), // [64, 64, 64]
        conv2d(w, 3, 7, { ...begins, padding: 3 }),
        act("tanh"),
      ),
    },
    discriminator: {
      patches: sequential(
        ...[conv2d(3, w, 4, half), leaky], // [32, 32, 64]
        ...[conv2d(w, 2 * w, 4, half), leaky], // [16, 16, 128]
        ...[conv2d(2 * w, 4 * w, 4, half), leaky], // [8, 8, 256]
        ...[conv2d(4 * w, 8 * w, 4, same), leaky], // [7, 7, 512]
        conv2d(8 * w, 1, 4, same), // [6, 6, 1], a logit a patch
      ),
    },
  };
}

function normed(inputs: number, outputs: number, k: number, options: Conv2dOptions): Layer[] {
  return [conv2d(inputs, outputs, k, { ...options, ...begins, bias: false }), instanceNorm(outputs)];
}
