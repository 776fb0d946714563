/**
 * SCADN's masks: stripes of several widths across or down an image, every other one removed; the complement of a mask
 * removes the others.
 *
 * @module
 */

/** Two directions, each with its complement. */
const KINDS = 4;

/** How many stripes an image has. */
export interface MaskSizes {
  /** Stripes of the widest kind. */
  stripes: number;
  /** Kinds of stripes: each has twice as many as the one before. */
  scales: number;
}

/** How many masks there are. */
export function countMasks({ scales }: MaskSizes): number {
  return KINDS * scales;
}

/** A mask [S · S], 1 where the image is removed. Index = (scale · 2 + down) · 2 + complement. */
export function maskOf(S: number, { stripes }: MaskSizes, index: number): Float32Array<ArrayBuffer> {
  const complement = index % 2,
    down = Math.floor(index / 2) % 2,
    many = stripes * 2 ** Math.floor(index / KINDS);
  return Float32Array.from({ length: S * S }, (_, place) => {
    const at = down ? place % S : Math.floor(place / S);
    return (Math.floor(at * many / S) + complement) % 2;
  });
}
