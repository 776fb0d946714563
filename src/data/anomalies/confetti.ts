/**
 * Confetti: squares that darken what is below them, after FCDD's noise of that name (Liznerski et al., ICLR 2021;
 * docs/method.md §5).
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import { type Anomaly, rasterise, type Rectangle, untilChanged } from "./anomaly.ts";

/** Mean numbers of squares an image. */
const COLOURED = 1.04, BLACK = 0.69;
/** Sides in pixels of an image of 240. */
const LEAST = 8, MOST = 54, SIDE = 240;

/** A square and what it adds to red, green and blue: −256..−1. */
export interface ConfettiSquare extends Rectangle {
  shift: [number, number, number];
}

/** Adds squares to an image and clamps it; a `DrawAnomaly`. */
export function confetti(image: Uint8Array, S: number, random: Random): Anomaly {
  return untilChanged(image, (copy) => {
    const sum = Float32Array.from(copy);
    for (const square of confettiSquares(S, random)) {
      rasterise(S, square, (pixel) => square.shift.forEach((shift, c) => sum[3 * pixel + c] += shift));
    }
    sum.forEach((value, i) => copy[i] = Math.max(value, 0)); // shifts are negative
  });
}

/** The squares of one image: Poisson numbers of coloured and black ones, drawn again where there are none at all. */
export function confettiSquares(S: number, random: Random): ConfettiSquare[] {
  let coloured = 0, black = 0;
  while (coloured + black === 0) {
    coloured = poisson(COLOURED, random);
    black = poisson(BLACK, random);
  }
  return Array.from({ length: coloured + black }, (_, i) => {
    const side = random.range(LEAST, MOST) * S / SIDE;
    const shift = (): number => i < coloured ? -1 - random.below(256) : -255;
    return {
      x: random.below(S) + 0.5,
      y: random.below(S) + 0.5,
      width: side,
      height: side,
      angle: random.range(-Math.PI / 4, Math.PI / 4),
      shift: [shift(), shift(), shift()],
    };
  });
}

/** A Poisson number, by Knuth's product of uniform ones. */
function poisson(mean: number, random: Random): number {
  let count = 0;
  for (let product = random.uniform(); product > Math.exp(-mean); product *= random.uniform()) count++;
  return count;
}
