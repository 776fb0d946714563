/**
 * Layers of trained networks as data, under torch.nn's names: what parameters they have, how these begin, and what they do
 * to maps [B, H, W, C]. A network file is a list of them; network.ts puts their values on a GPU.
 *
 * @module
 */
import { activation } from "../autograd/activations.ts";
import { add as sumOf } from "../autograd/ops.ts";
import { conv } from "../autograd/conv.ts";
import { convTranspose } from "../autograd/conv_transpose.ts";
import { linear as linearOp } from "../autograd/linear.ts";
import { batchNorm as batchNormOp, instanceNorm as instanceNormOp } from "../autograd/norms.ts";
import * as pooling from "../autograd/pooling.ts";
import { reshape } from "../autograd/shapes.ts";
import type { Tape } from "../autograd/tape.ts";
import { upsample as upsampleOp } from "../autograd/upsample.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Random } from "../hash.ts";
import type { Act } from "../kernels/conv/act.ts";
import type { Gates } from "./gates.ts";

/** One forward pass through a layer: where it is recorded, and where its values are. */
export interface Pass {
  readonly tape: Tape;
  /** Whether batch normalisation takes the batch's statistics, and updates the running ones. */
  readonly training: boolean;
  /** A value by its name within the layer. */
  readonly value: (name: string) => Tensor;
  /** Where ReLUs are noted, or held as they were. */
  readonly gates?: Gates;
}

/** How a parameter's values are drawn, one call a value. Fans are the inputs and outputs that a value has to do with. */
export type Initial = (random: Random, fanIn: number, fanOut: number) => () => number;

/** A value that a layer has, and how it begins. */
export interface LayerValue {
  readonly shape: readonly number[];
  readonly fanIn: number;
  readonly fanOut: number;
  readonly initial: Initial;
}

/** A part of a network: torch.nn.Module. */
export interface Layer {
  /** What is learned, by its name within the layer. */
  readonly parameters: Readonly<Record<string, LayerValue>>;
  /** What changes in training beside that. */
  readonly buffers: Readonly<Record<string, LayerValue>>;
  forward(x: Tensor, pass: Pass): Tensor;
  /** The same with an activation behind it, where one kernel does both. */
  activated?(x: Tensor, pass: Pass, act: Act): Tensor;
  /** Which activation it is, where it is nothing else. */
  readonly act?: Act;
}

/** What torch.nn's convolutions and linear layers begin with, biases too: U(−1/√fanIn, 1/√fanIn). */
export const torchUniform: Initial = (random, fanIn) => {
  const bound = 1 / Math.sqrt(fanIn);
  return () => random.range(-bound, bound);
};
/** torch.nn.init.xavier_uniform_ */
export const xavierUniform: Initial = (random, fanIn, fanOut) => {
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return () => random.range(-bound, bound);
};
/** torch.nn.init.kaiming_normal_ by fan-in, for ReLU. */
export const heNormal: Initial = (random, fanIn) => () => Math.sqrt(2 / fanIn) * random.normal();
/** N(mean, deviation²); DCGAN's is 0.02. */
export function normal(deviation: number, mean = 0): Initial {
  return (random) => () => mean + deviation * random.normal();
}
/** The same everywhere. */
export function constant(value: number): Initial {
  return () => () => value;
}

const NONE = {};

/** A layer without values. */
export function stateless(forward: (tape: Tape, x: Tensor, pass: Pass) => Tensor): Layer {
  return { parameters: NONE, buffers: NONE, forward: (x, pass) => forward(pass.tape, x, pass) };
}

/** A layer whose kernel may have an activation at its end. */
function activating(
  parameters: Layer["parameters"],
  run: (x: Tensor, pass: Pass, act?: Act) => Tensor,
): Layer {
  return { parameters, buffers: NONE, forward: (x, pass) => run(x, pass), activated: run };
}

/** What convolutions and linear layers have in common. */
export interface WeightOptions {
  /** Default true. */
  bias?: boolean;
  /** Of the weight; default {@linkcode torchUniform}. */
  initial?: Initial;
  /** Of the bias; default {@linkcode torchUniform}. */
  initialBias?: Initial;
}

/** Variations of convolutions, as in torch.nn. */
export interface Conv2dOptions extends WeightOptions {
  /** Default 1. */
  stride?: number;
  /** Default 0. */
  padding?: number;
  /** Default 1. */
  dilation?: number;
  /** 1 (default), or the number of channels. */
  groups?: number;
}

/** torch.nn.Conv2d(inputs, outputs, k): [B, H, W, inputs] → [B, H', W', outputs]. */
export function conv2d(inputs: number, outputs: number, k: number, options: Conv2dOptions = {}): Layer {
  const { stride, padding, dilation, groups = 1 } = options;
  const fanIn = inputs / groups * k * k, fanOut = outputs / groups * k * k;
  const windows = { stride, padding, dilation, groups };
  return activating(
    weighted([outputs, inputs / groups, k, k], outputs, fanIn, fanOut, options),
    (x, { tape, value }, act) => conv(tape, x, value("weight"), biasOf(options, value), { ...windows, act }),
  );
}

/** Variations of transposed convolutions. */
export interface ConvTranspose2dOptions extends WeightOptions {
  /** Default 1. */
  stride?: number;
  /** Default 0. */
  padding?: number;
  /** Default 0. */
  outputPadding?: number;
}

/** torch.nn.ConvTranspose2d(inputs, outputs, k): [B, H, W, inputs] → [B, H', W', outputs]. */
export function convTranspose2d(
  inputs: number,
  outputs: number,
  k: number,
  options: ConvTranspose2dOptions = {},
): Layer {
  const { stride, padding, outputPadding } = options;
  const windows = { stride, padding, outputPadding };
  return activating(
    // PyTorch counts the fans by the weight's first two dimensions as they lie, here too.
    weighted([inputs, outputs, k, k], outputs, outputs * k * k, inputs * k * k, options),
    (x, { tape, value }, act) =>
      convTranspose(tape, x, value("weight"), biasOf(options, value), { ...windows, act }),
  );
}

/** torch.nn.Linear(inputs, outputs): [..., inputs] → [..., outputs]. */
export function linear(inputs: number, outputs: number, options: WeightOptions = {}): Layer {
  return {
    parameters: weighted([outputs, inputs], outputs, inputs, outputs, options),
    buffers: NONE,
    forward: (x, { tape, value }) => linearOp(tape, x, value("weight"), biasOf(options, value)),
  };
}

function weighted(
  shape: readonly number[],
  outputs: number,
  fanIn: number,
  fanOut: number,
  { bias = true, initial = torchUniform, initialBias = torchUniform }: WeightOptions,
): Record<string, LayerValue> {
  const weight = { shape, fanIn, fanOut, initial };
  return bias ? { weight, bias: { shape: [outputs], fanIn, fanOut, initial: initialBias } } : { weight };
}

function biasOf({ bias = true }: WeightOptions, value: Pass["value"]): Tensor | null {
  return bias ? value("bias") : null;
}

/** Variations of normalisations. */
export interface NormOptions {
  /** Whether a scale and a shift are learned; default true, for {@linkcode instanceNorm} false. */
  affine?: boolean;
  /** Default 1e-5. */
  eps?: number;
  /** Default 0.1. */
  momentum?: number;
  /** Of the scale; default 1. */
  initial?: Initial;
}

/**
 * torch.nn.BatchNorm2d(C), and BatchNorm1d: over all but the last dimension. A batch with one value a channel, which PyTorch
 * refuses in training, has no variance: it is normalised by the running statistics.
 */
export function batchNorm(C: number, { affine = true, initial, ...options }: NormOptions = {}): Layer {
  const whole = (value: Initial): LayerValue => ({ shape: [C], fanIn: C, fanOut: C, initial: value });
  return {
    parameters: affine ? scaleAndShift(C, initial) : NONE,
    buffers: { running_mean: whole(constant(0)), running_var: whole(constant(1)) },
    forward(x, { tape, training, value }) {
      const running = { mean: value("running_mean"), variance: value("running_var") };
      const own = training && x.size > C;
      return batchNormOp(tape, x, affine ? affineOf(value) : null, running, { training: own, ...options });
    },
  };
}

/** torch.nn.InstanceNorm2d(C): over the positions of each image. */
export function instanceNorm(
  C: number,
  { affine = false, initial, eps }: Omit<NormOptions, "momentum"> = {},
): Layer {
  return {
    parameters: affine ? scaleAndShift(C, initial) : NONE,
    buffers: NONE,
    forward: (x, { tape, value }) => instanceNormOp(tape, x, affine ? affineOf(value) : null, { eps }),
  };
}

function scaleAndShift(C: number, initial = constant(1)): Record<string, LayerValue> {
  const value = { shape: [C], fanIn: C, fanOut: C };
  return { weight: { ...value, initial }, bias: { ...value, initial: constant(0) } };
}

function affineOf(value: Pass["value"]): { weight: Tensor; bias: Tensor } {
  return { weight: value("weight"), bias: value("bias") };
}

/** torch.nn.ReLU, LeakyReLU, ELU, Sigmoid … */
export function act(act: Act): Layer {
  const layer = stateless((tape, x, { gates }) =>
    gates && act === "relu" ? gates.relu(tape, x) : activation(tape, x, act)
  );
  return { ...layer, act };
}

/** torch.nn.MaxPool2d */
export function maxPool(k: number, options: { stride?: number; padding?: number } = {}): Layer {
  return stateless((tape, x) => pooling.maxPool(tape, x, k, options));
}

/** torch.nn.AvgPool2d */
export function averagePool(k: number, options: { stride?: number; padding?: number } = {}): Layer {
  return stateless((tape, x) => pooling.averagePool(tape, x, k, options));
}

/** torch.nn.AdaptiveAvgPool2d(1) and Flatten: [B, H, W, C] → [B, C]. */
export function meanPositions(): Layer {
  return stateless((tape, x) => pooling.meanPositions(tape, x));
}

/** torch.nn.Upsample(scale_factor, mode) */
export function upsample(factor: number, mode: "nearest" | "bilinear" = "nearest"): Layer {
  return stateless((tape, x) => upsampleOp(tape, x, [factor * x.shape[1], factor * x.shape[2]], mode));
}

/** torch.nn.Flatten, position by position: [B, H, W, C] → [B, H · W · C]. */
export function flatten(): Layer {
  return stateless((tape, x) => reshape(tape, x, [x.shape[0], x.size / x.shape[0]]));
}

/** torch.nn.Unflatten: [B, H · W · C] → [B, H, W, C]. */
export function unflatten(H: number, W: number, C: number): Layer {
  return stateless((tape, x) => reshape(tape, x, [x.shape[0], H, W, C]));
}

/** torch.nn.Sequential: one after the other; the values of layer i are called `i.name`. */
export function sequential(...layers: readonly Layer[]): Layer {
  return {
    ...named(Object.fromEntries(layers.entries())),
    forward(x, pass) {
      for (let i = 0; i < layers.length; i++) {
        const layer = layers[i], own = within(pass, String(i)), act = layers[i + 1]?.act;
        if (layer.activated && act && !pass.gates) {
          x = layer.activated(x, own, act);
          i++; // the activation is done
        } else x = layer.forward(x, own);
      }
      return x;
    },
  };
}

/** x + body(x), or shortcut(x) + body(x): their values are called `body.name` and `shortcut.name`. */
export function residual(body: Layer, shortcut: Layer | null = null): Layer {
  return {
    ...named(shortcut ? { body, shortcut } : { body }),
    forward(x, pass) {
      const skip = shortcut ? shortcut.forward(x, within(pass, "shortcut")) : x;
      return sumOf(pass.tape, skip, body.forward(x, within(pass, "body")));
    },
  };
}

/** The values of layers that have names, for layers of several: a module whose own forward pass calls theirs {@linkcode within}. */
export function named(layers: Readonly<Record<string, Layer>>): Pick<Layer, "parameters" | "buffers"> {
  const of = (kind: "parameters" | "buffers") =>
    Object.fromEntries(
      Object.entries(layers).flatMap(([name, layer]) =>
        Object.entries(layer[kind]).map(([own, value]) => [`${name}.${own}`, value] as const)
      ),
    );
  return { parameters: of("parameters"), buffers: of("buffers") };
}

/** The pass as a layer within a {@linkcode named} one sees it. */
export function within(pass: Pass, name: string): Pass {
  return { ...pass, value: (own) => pass.value(`${name}.${own}`) };
}
