/**
 * Convolutions of a frozen network as weight files have them, each with the BatchNorm behind it folded in:
 * w' = w·γ/√(σ²+ε), b' = β − μ·γ/√(σ²+ε), in float64 and rounded once.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { InputError } from "../errors.ts";
import { expectTensor, requireFinite, type TensorFile } from "../formats/tensor_file.ts";

/** A convolution with its BatchNorm folded in: weight [out, in, kernel, kernel] ([out, 1, …] if depthwise), bias [out]. */
export interface FoldedConv {
  weight: Float32Array<ArrayBuffer>;
  bias: Float32Array<ArrayBuffer>;
  out: number;
  in: number;
  kernel: number;
}

/** Where a file has a convolution: weight [out, in / groups, kernel, kernel], and a BatchNorm, else a bias. */
export interface Source {
  conv: string;
  norm: string | null;
  out: number;
  in: number;
  kernel: number;
  depthwise?: boolean;
}

/** The names of a convolution's tensors. */
export function tensorNames({ conv, norm }: Source): string[] {
  if (!norm) return [`${conv}.weight`, `${conv}.bias`];
  return [
    `${conv}.weight`,
    ...["weight", "bias", "running_mean", "running_var"].map((part) => `${norm}.${part}`),
  ];
}

/**
 * A convolution of the file with its BatchNorm folded in, where it has one.
 *
 * @param epsilon ε
 * @throws {InputError} where a tensor is missing, of another shape or not finite, or a variance is negative
 */
export function fold(file: TensorFile, source: Source, epsilon: number): FoldedConv {
  const { conv, norm, out, in: inputs, kernel, depthwise } = source;
  const weight = expectTensor(file, `${conv}.weight`, [out, depthwise ? 1 : inputs, kernel, kernel]);
  const layer = { out, in: inputs, kernel };
  if (!norm) return { weight, bias: expectTensor(file, `${conv}.bias`, [out]), ...layer };

  const [gain, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
    .map((part) => expectTensor(file, `${norm}.${part}`, [out]));
  const negative = variance.find((value) => value < 0);
  if (negative !== undefined) {
    throw new InputError(
      `Expected variances of at least 0 in ${norm}.running_var of ${file.path}, but found ${negative}`,
    );
  }
  const bias = new Float32Array(out), perOutput = weight.length / out;
  for (let o = 0; o < out; o++) {
    const scale = gain[o] / Math.sqrt(variance[o] + epsilon);
    bias[o] = shift[o] - mean[o] * scale;
    for (let i = o * perOutput; i < (o + 1) * perOutput; i++) weight[i] *= scale;
  }
  requireFinite(weight, `${conv}.weight with ${norm}`, file.path);
  requireFinite(bias, `${norm}.bias with ${norm}.running_mean`, file.path);
  return { weight, bias, ...layer };
}

/** Identifies a network by 64 bits of the SHA-256 of what else decides its features and of all layers. */
export function hashLayers(rest: string, layers: Iterable<FoldedConv>): string {
  const sha = createHash("sha256").update(rest);
  for (const { weight, bias } of layers) sha.update(weight).update(bias);
  return sha.digest("hex").slice(0, 16);
}
