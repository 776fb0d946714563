/**
 * What engines are asked to do, so that all do the same work on the same numbers.
 *
 * @module
 */
import { noiseOf } from "../../src/bench/case.ts";
import { type AdtrConfig, adtrShapes, initialAdtr } from "../../src/model/adtr.ts";
import type { EfficientNetWeights } from "../../src/model/efficientnet.ts";
import { initialValues } from "../../src/model/network.ts";
import { autoencoder } from "../../src/methods/ae/net.ts";

/** Work that is set up. */
export interface Job {
  /** Does it some times and waits for the end. */
  run(times: number): Promise<void>;
  /** What came of it, for comparison, part by part. */
  result(): Promise<Float32Array[]>;
  /** Gives memory back. */
  close(): void;
}

/** An engine that can do some of the work; what it cannot do, it says why, or nothing where it is not compared. */
export interface Engine {
  name: string;
  gemm(task: GemmTask): Promise<Job> | string;
  efficientNet(task: EfficientNetTask): Promise<Job> | string;
  training(task: TrainingTask): Promise<Job> | string;
  autoencoder(task: AutoencoderTask): Promise<Job> | string;
}

/** c [batch, M, N] = op(a) · op(b), row-major. */
export interface GemmTask {
  batch: number;
  M: number;
  K: number;
  N: number;
  transA: boolean;
  transB: boolean;
}

/** Shapes and values of a product's operands. */
export function operands(
  { batch, M, K, N, transA, transB }: GemmTask,
): { shape: number[]; data: Float32Array }[] {
  const operand = (rows: number, columns: number, first: number) => {
    const data = noiseOf(batch * rows * columns + first).slice(first);
    return { shape: batch > 1 ? [batch, rows, columns] : [rows, columns], data };
  };
  return [transA ? operand(K, M, 1) : operand(M, K, 1), transB ? operand(N, K, 77) : operand(K, N, 77)];
}

/** Five taps of B normalised images of S×S pixels, NHWC, one after the other. */
export interface EfficientNetTask {
  B: number;
  S: number;
  weights: EfficientNetWeights;
  images: Float32Array<ArrayBuffer>;
}

/** Stages whose outputs are tapped. */
export const TAPPED = [0, 1, 2, 4, 6];

/** NCHW to NHWC. */
export function channelsLast(x: Float32Array, B: number, C: number, positions: number): Float32Array {
  const y = new Float32Array(x.length);
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      for (let p = 0; p < positions; p++) y[(b * positions + p) * C + c] = x[(b * C + c) * positions + p];
    }
  }
  return y;
}

/** NHWC to NCHW. */
export function channelsFirst(x: Float32Array, B: number, C: number, positions: number): Float32Array {
  return channelsLast(x, B, positions, C);
}

/** A training step without dropout: forward, backward, gradient norm clipped, AdamW. Its result: AdamW's first moments of each parameter. */
export interface TrainingTask {
  config: AdtrConfig;
  B: number;
  /** [B, N, C] */
  features: Float32Array<ArrayBuffer>;
}

/** AdamW's settings, the paper's. */
export const ADAMW = { lr: 1e-4, weight_decay: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, clip: 0.1 };

/** A parameter as PyTorch has it. */
export interface Parameter {
  name: string;
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

/** ADTR's parameters' names, shapes and initial values, in order. */
export function initialParameters(config: AdtrConfig): Parameter[] {
  const state = initialAdtr(config, 0);
  return [...adtrShapes(config)].map(([name, shape]) => ({ name, shape, data: state.get(name)!.data }));
}

/** A training step of `ae` or `ssim-ae`, with the same optimizer, and the same kind of result. */
export interface AutoencoderTask {
  /** Mean of squares, or of 1 − SSIM. */
  loss: "squares" | "ssim";
  B: number;
  /** [B, S, S, 3] in 0..1 */
  images: Float32Array<ArrayBuffer>;
}

/** The autoencoder's sizes, the paper's. */
export const AUTOENCODER = { S: 128, latent: 100, width: 32 };

/** The autoencoder's parameters in order. */
export function autoencoderParameters(): Parameter[] {
  const values = initialValues(autoencoder(AUTOENCODER), 0);
  return [...values].map(([name, { shape, data }]) => ({ name, shape: [...shape], data }));
}

/** A layer of it as others have to build it: x through it, then leaky ReLU of slope 0.2 where `leaky`. */
export interface AutoencoderLayer {
  name: string;
  kind: "conv" | "transposed" | "linear";
  stride: number;
  leaky: boolean;
  /** Of what comes after a linear layer. */
  maps?: [side: number, channels: number];
}

/** Its layers in order. Convolutions are padded by 1; maps lie channels last where they are flattened. */
export const AUTOENCODER_LAYERS: AutoencoderLayer[] = [
  ...[2, 2, 1, 2, 1, 2, 1, 1].map((stride, i) => conv(`encoder.${2 * i}`, stride)),
  { name: "encoder.17", kind: "linear", stride: 1, leaky: false },
  { name: "decoder.0", kind: "linear", stride: 1, leaky: true, maps: [8, 32] },
  ...[1, 1].map((stride, i) => conv(`decoder.${3 + 2 * i}`, stride)),
  ...[7, 11, 15].flatMap((i) => [transposed(i, true), conv(`decoder.${i + 2}`, 1)]).slice(0, 5),
  transposed(17, false),
];

function conv(name: string, stride: number): AutoencoderLayer {
  return { name, kind: "conv", stride, leaky: true };
}

function transposed(i: number, leaky: boolean): AutoencoderLayer {
  return { name: `decoder.${i}`, kind: "transposed", stride: 2, leaky };
}

/** Weights along one axis of SSIM's window, 11 positions, and 1 over the sum of those that lie within a side of S. */
export function ssimWindow(S: number): { weights: number[]; shares: number[] } {
  const bell = Array.from({ length: 11 }, (_, t) => Math.exp(-((t - 5) ** 2) / (2 * 1.5 ** 2)));
  const total = bell.reduce((a, b) => a + b), weights = bell.map((w) => w / total);
  const shares = Array.from({ length: S }, (_, i) => {
    const within = weights.filter((_, t) => i + t - 5 >= 0 && i + t - 5 < S);
    return 1 / within.reduce((a, b) => a + b);
  });
  return { weights, shares };
}

/** Arrays one after the other. */
export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
