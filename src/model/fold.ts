/**
 * Convolutions of a frozen network as weight files have them, each with the BatchNorm behind it folded in:
 * w' = w·γ/√(σ²+ε), b' = β + (b − μ)·γ/√(σ²+ε), in float64 and rounded once.
 *
 * @module
 */
import { InputError, SettingError } from "../errors.ts";
import type { ConvValues } from "../kernels/conv/frozen.ts";
import { type Hashed, sha256OfAll } from "../sha256.ts";
import { expectTensor, requireFinite, type TensorFile } from "../formats/tensor_file.ts";

/** A convolution with its BatchNorm folded in. */
export type FoldedConv = ConvValues;

/** Where a file has a convolution: weight [out, in / groups, kernel, kernel], and a BatchNorm, else a bias; or both. */
export interface Source {
  conv: string;
  norm: string | null;
  out: number;
  in: number;
  kernel: number;
  depthwise?: boolean;
  /** Whether there is a bias b beside the BatchNorm. */
  biased?: boolean;
}

/** The names of a convolution's tensors. */
export function tensorNames({ conv, norm, biased }: Source): string[] {
  return [
    `${conv}.weight`,
    ...norm === null || biased ? [`${conv}.bias`] : [],
    ...norm === null ? [] : normNames(norm),
  ];
}

const normNames = (norm: string): string[] =>
  ["weight", "bias", "running_mean", "running_var"].map((part) => `${norm}.${part}`);

/** Where this very file has a convolution: with a bias in the BatchNorm's place where that is folded in already. */
export function sourceIn({ tensors }: TensorFile, source: Source): Source {
  const { conv, norm } = source;
  const folded = norm && tensors.has(`${conv}.bias`) && !normNames(norm).some((name) => tensors.has(name));
  return folded ? { ...source, norm: null } : source;
}

/**
 * A convolution of the file with its BatchNorm folded in, where it has one.
 *
 * @param epsilon ε
 * @throws {InputError} where a tensor is missing, of another shape or not finite, or a variance is negative
 */
export function fold(file: TensorFile, source: Source, epsilon: number): FoldedConv {
  const { conv, norm, out, in: inputs, kernel, depthwise, biased } = source;
  const weight = expectTensor(file, `${conv}.weight`, [out, depthwise ? 1 : inputs, kernel, kernel]);
  const layer = { out, in: inputs, kernel };
  if (!norm) return { weight, bias: expectTensor(file, `${conv}.bias`, [out]), ...layer };

  const [gain, shift, mean, variance] = normNames(norm).map((name) => expectTensor(file, name, [out]));
  const negative = variance.find((value) => value < 0);
  if (negative !== undefined) {
    throw new InputError(
      `Expected variances of at least 0 in ${norm}.running_var of ${file.path}, but found ${negative}`,
    );
  }
  const bias = biased ? expectTensor(file, `${conv}.bias`, [out]) : new Float32Array(out);
  const perOutput = weight.length / out;
  for (let o = 0; o < out; o++) {
    const scale = gain[o] / Math.sqrt(variance[o] + epsilon);
    bias[o] = shift[o] + (bias[o] - mean[o]) * scale;
    for (let i = o * perOutput; i < (o + 1) * perOutput; i++) weight[i] *= scale;
  }
  requireFinite(weight, `${conv}.weight with ${norm}`, file.path);
  requireFinite(bias, `${norm}.bias with ${norm}.running_mean`, file.path);
  return { weight, bias, ...layer };
}

/** The largest number that f16 has, and from where on numbers are rounded to infinity. */
const LARGEST_HALF = 65504, BEYOND_HALF = 65520;

/** Checks that f16 has what layers are made of. @throws {SettingError} where it has not */
export function requireHalf(layers: Iterable<FoldedConv>): void {
  for (const { weight, bias } of layers) {
    for (const values of [weight, bias]) {
      const large = values.find((value) => Math.abs(value) >= BEYOND_HALF);
      if (large === undefined) continue;
      throw new SettingError(
        `Expected weights up to ${LARGEST_HALF} with {precision} f16, but found ${large}; {precision} f32 takes all`,
      );
    }
  }
}

/** Identifies a network by 64 bits of the SHA-256 of what else decides its features and of all layers. */
export async function hashLayers(rest: string, layers: Iterable<FoldedConv>): Promise<string> {
  const parts: Hashed[] = [rest];
  for (const { weight, bias } of layers) parts.push(weight, bias);
  return (await sha256OfAll(parts)).slice(0, 16);
}
