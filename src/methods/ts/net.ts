/**
 * The students of Bergmann et al. 2020 (arXiv 1911.02357, their tables of architectures): networks of patches of p×p pixels, without
 * any normalisation, here of all patches of an image at once. Leaky ReLU of slope 0.005 behind all but the last convolution.
 *
 * @module
 */
import { act, conv2d, type Layer, maxPool, sequential } from "../../model/layers.ts";
import type { Parts } from "../../model/network.ts";

/** Sides of the patches that there are networks for. */
export const RECEPTIVE_FIELDS: readonly number[] = [17, 33, 65];

/** Their sizes. */
export interface StudentSizes {
  /** Channels of the teacher's features. */
  C: number;
  /** M, students. */
  students: number;
  /** p: pixels a side that a student sees of the image for a position. */
  receptive_field: number;
  /** Channels of the first layer, 128 in the paper. */
  width: number;
}

const leaky = act({ leaky: 0.005 });
/** A convolution of k×k; maps stay as large, or by one larger or smaller where k is even. */
const conv = (inputs: number, outputs: number, k: number, padding = Math.floor(k / 2)): Layer[] => [
  conv2d(inputs, outputs, k, { padding }),
  leaky,
];

/** Networks for images [B, S, S, 3]; shapes are those of the paper's width 128. */
export function students({ C, students, receptive_field, width: w }: StudentSizes): Parts {
  const layers: Record<number, () => Layer[]> = {
    17: () => [
      ...conv(3, w, 6, 2), // [S − 1, S − 1, 128]
      ...conv(w, 2 * w, 5), // [S − 1, S − 1, 256]
      ...conv(2 * w, 2 * w, 5),
      conv2d(2 * w, C, 4, { padding: 2 }), // [S, S, C]
    ],
    33: () => [
      ...[...conv(3, w, 5), maxPool(2)], // [S / 2, S / 2, 128]
      ...[...conv(w, 2 * w, 5), maxPool(2)], // [S / 4, S / 4, 256]
      ...conv(2 * w, 2 * w, 2), // [S / 4 + 1, S / 4 + 1, 256]
      conv2d(2 * w, C, 4, { padding: 1 }), // [S / 4, S / 4, C]
    ],
    65: () => [
      ...[...conv(3, w, 5), maxPool(2)], // [S / 2, S / 2, 128]
      ...[...conv(w, w, 5), maxPool(2)], // [S / 4, S / 4, 128]
      ...[...conv(w, w, 5), maxPool(2)], // [S / 8, S / 8, 128]
      ...conv(w, 2 * w, 4), // [S / 8 + 1, S / 8 + 1, 256]
      conv2d(2 * w, C, 1), // [S / 8 + 1, S / 8 + 1, C]
    ],
  };
  return Object.fromEntries(
    Array.from({ length: students }, (_, i) => [`student${i}`, sequential(...layers[receptive_field]())]),
  );
}
