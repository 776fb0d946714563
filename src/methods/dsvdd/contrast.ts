/**
 * Global contrast normalisation as Deep SVDD's images have it (Ruff et al. 2018, §4): an image minus its mean, divided by the mean
 * of what is left without sign (the L1 norm's), and then all images by one rule to 0..1, by the least and the greatest value of
 * the training images.
 *
 * @module
 */
import { abs, clamp, exp, log, scale, scaleRows } from "../../autograd/arithmetic.ts";
import { meanImages } from "../../autograd/reductions.ts";
import type { Tape } from "../../autograd/tape.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { accumulate } from "../../kernels/dense/elementwise.ts";
import { spreadRows } from "../../kernels/rows/scaled.ts";
import { rescaled } from "../rescale.ts";

/** What an image is divided by at least: less is no contrast, but rounding. */
const LEAST = 1e-4;

/**
 * Images [B, S, S, 3] normalised, without gradients.
 *
 * @param values what brings them to 0..1: (x − shift) · scale, [1] each
 */
export function normaliseContrast(
  tape: Tape,
  pixels: Tensor,
  { shift, scale: factor }: Readonly<Record<string, Tensor>>,
): Tensor {
  const { gpu } = tape, x = gpu.empty(pixels.shape, "images without their means");
  accumulate(gpu, pixels, x, false);
  spreadRows(gpu, meanImages(tape, pixels), x, true, -1);
  const contrast = clamp(tape, meanImages(tape, abs(tape, x)), LEAST, 1);
  const y = scaleRows(tape, x, exp(tape, scale(tape, log(tape, contrast), -1)));
  return rescaled(tape, y.view([y.size, 1]), shift, factor).view(pixels.shape);
}

/** Images [S · S, 3] each, normalised but for their common rule. */
export function* contrasts(images: readonly Float32Array[]): Generator<Float32Array> {
  for (const image of images) {
    const mean = image.reduce((a, b) => a + b, 0) / image.length;
    const contrast = image.reduce((sum, x) => sum + Math.abs(x - mean), 0) / image.length;
    yield image.map((x) => (x - mean) / Math.max(contrast, LEAST));
  }
}
