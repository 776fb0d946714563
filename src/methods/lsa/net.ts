/**
 * Latent space autoregression's networks (Abati et al. 2019, §3 and their CIFAR-10 model): an autoencoder of residual blocks, and
 * an estimator of the code's density whose layers are masked, so that what it says of a value depends on those before it only.
 * Leaky ReLU of slope 0.01 behind all but the last layers.
 *
 * @module
 */
import { linear as linearOp } from "../../autograd/linear.ts";
import { blockTriangle } from "../../autograd/masks.ts";
import {
  act,
  batchNorm,
  conv2d,
  convTranspose2d,
  flatten,
  type Layer,
  linear,
  residual,
  sequential,
  unflatten,
} from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Its sizes. */
export interface LsaSizes {
  /** Side of the images, a multiple of 8 of at least 16. */
  S: number;
  /** Values of the code. */
  latent: number;
  /** Channels of the first layer, 32 in the paper: others have up to eight times as many. */
  width: number;
}

/** Into so many bins a value of the code may fall. */
export const BINS = 100;

const leaky = act({ leaky: 0.01 });
const plain = { bias: false }, half = { ...plain, stride: 2 };

/** The network for images [B, S, S, 3]; shapes are those of the paper's S = 32, width 32, latent 64. */
export function lsaNetwork({ S, latent, width: w }: LsaSizes): Parts {
  const widths = widthsOf(S, w), last = widths[widths.length - 1], s = S / 2 ** (widths.length - 1);
  return {
    encoder: sequential(
      ...[conv2d(3, w, 3, plain), leaky], // [30, 30, 32]
      block(w),
      ...widths.slice(1).map((own, i) => halved(widths[i], own)), // [15, 15, 64], [8, 8, 128], [4, 4, 256]
      ...[flatten(), linear(s * s * last, 8 * w), batchNorm(8 * w), leaky], // [256]
      ...[linear(8 * w, latent), act("sigmoid")], // [64]
    ),
    decoder: sequential(
      ...[linear(latent, 8 * w), batchNorm(8 * w), leaky], // [256]
      ...[linear(8 * w, s * s * last), batchNorm(s * s * last), leaky, unflatten(s, s, last)], // [4, 4, 256]
      ...widths.slice(1).map((own, i) => doubled(own, widths[i])).reverse(), // [8, 8, 128], [16, 16, 64], [32, 32, 32]
      block(w),
      conv2d(w, 3, 1, plain), // [32, 32, 3]
    ),
    estimator: sequential(
      ...[masked(latent, 1, w, true), leaky], // [64 · 32], each value's channels beside each other
      ...Array.from({ length: 3 }, () => [masked(latent, w, w), leaky]).flat(),
      masked(latent, w, BINS), // [64 · 100]
    ),
  };
}

/** Channels of all levels, from the first on: as many as bring S to at most 7, or to an odd number. */
function widthsOf(S: number, w: number): number[] {
  if (S % 8 !== 0 || S < 16) {
    throw new RangeError(`Expected images of a multiple of 8 of at least 16 a side, but found ${S}`);
  }
  const widths = [w];
  for (let s = S; s > 7 && s % 2 === 0; s /= 2) widths.push(Math.min(2 * widths[widths.length - 1], 8 * w));
  return widths;
}

/** Two convolutions beside what comes in. */
function block(C: number): Layer {
  const body = sequential(
    ...[conv2d(C, C, 3, { ...plain, padding: 1 }), batchNorm(C), leaky],
    ...[conv2d(C, C, 3, { ...plain, padding: 1 }), batchNorm(C)],
  );
  return sequential(residual(body), leaky);
}

/** A block to half the side. */
function halved(C: number, O: number): Layer {
  const body = sequential(
    ...[conv2d(C, O, 3, { ...half, padding: 1 }), batchNorm(O), leaky],
    ...[conv2d(O, O, 3, { ...plain, padding: 1 }), batchNorm(O)],
  );
  return sequential(residual(body, sequential(conv2d(C, O, 1, half), batchNorm(O))), leaky);
}

/** A block to twice the side. */
function doubled(C: number, O: number): Layer {
  const body = sequential(
    ...[convTranspose2d(C, O, 5, { ...half, padding: 2, outputPadding: 1 }), batchNorm(O), leaky],
    ...[conv2d(O, O, 3, { ...plain, padding: 1 }), batchNorm(O)],
  );
  const shortcut = sequential(convTranspose2d(C, O, 1, { ...half, outputPadding: 1 }), batchNorm(O));
  return sequential(residual(body, shortcut), leaky);
}

/** A linear layer from `inputs` to `outputs` channels of each value, which sees the channels of values up to its own, or before it. */
function masked(values: number, inputs: number, outputs: number, strict = false): Layer {
  return {
    ...linear(values * inputs, values * outputs),
    forward: (x, { tape, value }) =>
      linearOp(tape, x, blockTriangle(tape, value("weight"), values, { strict }), value("bias")),
  };
}
