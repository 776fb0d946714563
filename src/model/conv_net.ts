/**
 * The convolutional network that takes the transformer's place in an ablation (docs/method.md §3): an autoencoder of
 * 3×3 convolutions whose code has half the channels.
 *
 * @module
 */
import { conv } from "../autograd/conv.ts";
import type { Parameters } from "../optim/parameters.ts";
import type { Tape } from "../autograd/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Dimensions by their letters in docs/method.md. */
export interface ConvNetConfig {
  /** Channels, even. */
  D: number;
  /** Layers of the encoder, of one convolution each. */
  encoder: number;
  /** Layers of the decoder, of two convolutions each. */
  decoder: number;
}

/** Name, channels in and channels out of the convolutions, in the order in which they follow each other. */
export function convolutions({ D, encoder, decoder }: ConvNetConfig) {
  const code = D / 2, list: { name: string; inputs: number; outputs: number }[] = [];
  for (let i = 0; i < encoder; i++) {
    list.push({ name: `encoder.layers.${i}.conv`, inputs: D, outputs: i === encoder - 1 ? code : D });
  }
  for (let i = 0; i < decoder; i++) {
    list.push({ name: `decoder.layers.${i}.conv1`, inputs: i === 0 ? code : D, outputs: D });
    list.push({ name: `decoder.layers.${i}.conv2`, inputs: D, outputs: D });
  }
  return list;
}

/** Every parameter's shape by its PyTorch state dict name. */
export function convShapes(config: ConvNetConfig): Map<string, number[]> {
  return new Map(
    convolutions(config).flatMap(({ name, inputs, outputs }) => [
      [`${name}.weight`, [outputs, inputs, 3, 3]],
      [`${name}.bias`, [outputs]],
    ]),
  );
}

/** All convolutions, with ReLU behind each: x [B, H, W, D] to the same shape. */
export function convNet(tape: Tape, config: ConvNetConfig, parameters: Parameters, x: Tensor): Tensor {
  for (const { name } of convolutions(config)) {
    const weight = parameters.get(`${name}.weight`), bias = parameters.get(`${name}.bias`);
    x = conv(tape, x, weight, bias, { padding: 1, act: "relu" });
  }
  return x;
}
