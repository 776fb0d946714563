/**
 * What engines are asked to do, so that all do the same work on the same numbers.
 *
 * @module
 */
import { noiseOf } from "../../src/bench/case.ts";
import { type AdtrConfig, adtrShapes, initialAdtr } from "../../src/model/adtr.ts";
import type { EfficientNetWeights } from "../../src/model/efficientnet.ts";

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

/** Parameters' names, shapes and initial values, in order. */
export function initialParameters(
  config: AdtrConfig,
): { name: string; shape: number[]; data: Float32Array }[] {
  const state = initialAdtr(config, 0);
  return [...adtrShapes(config)].map(([name, shape]) => ({ name, shape, data: state.get(name)!.data }));
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
