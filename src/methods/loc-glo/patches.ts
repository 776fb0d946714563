/**
 * What the heads of Loc-Glo learn to find: patches that don't belong where they are, and distorted ones.
 *
 * @module
 */
import type { Random } from "../../hash.ts";

/** An image [S · S, 3] moved around by at least a patch's side, so that every patch is one from elsewhere. */
export function moved(
  random: Random,
  image: Float32Array,
  S: number,
  patch: number,
): Float32Array<ArrayBuffer> {
  const down = patch + random.below(Math.max(1, S - 2 * patch + 1)), right = random.below(S);
  return Float32Array.from({ length: image.length }, (_, i) => {
    const place = Math.floor(i / 3), y = Math.floor(place / S), x = place % S;
    return image[3 * ((y + down) % S * S + (x + right) % S) + i % 3];
  });
}

/** An image [S · S, 3] in 0..1 whose every patch has other colours, noise, or squares of other colours. */
export function distorted(
  random: Random,
  image: Float32Array,
  S: number,
  patch: number,
): Float32Array<ArrayBuffer> {
  const distort = [colours, noise, squares][random.below(3)];
  return Float32Array.from(distort(random, image, S, patch), (x) => Math.min(Math.max(x, 0), 1));
}

/** Each channel brighter or darker, and with more or less contrast. */
function colours(random: Random, image: Float32Array): ArrayLike<number> {
  const factors = [0, 1, 2].map(() => random.range(0.5, 1.5));
  const offsets = [0, 1, 2].map(() => random.range(-0.3, 0.3));
  return image.map((x, i) => x * factors[i % 3] + offsets[i % 3]);
}

/** Noise of one strength. */
function noise(random: Random, image: Float32Array): ArrayLike<number> {
  const strength = random.range(0.1, 0.5);
  return image.map((x) => x + strength * random.range(-1, 1));
}

/** In each cell of half a patch a rectangle of one colour, which lets the image through or not. */
function squares(random: Random, image: Float32Array, S: number, patch: number): ArrayLike<number> {
  const cell = patch / 2, y = image.slice();
  for (let top = 0; top < S; top += cell) {
    for (let left = 0; left < S; left += cell) {
      const height = 2 + random.below(cell - 2), width = 2 + random.below(cell - 2);
      const down = random.below(cell - height + 1), right = random.below(cell - width + 1);
      const colour = [0, 1, 2].map(() => random.uniform()), opacity = random.range(0.3, 1);
      for (let row = top + down; row < Math.min(top + down + height, S); row++) {
        for (let column = left + right; column < Math.min(left + right + width, S); column++) {
          for (let c = 0; c < 3; c++) {
            const at = 3 * (row * S + column) + c;
            y[at] += opacity * (colour[c] - y[at]);
          }
        }
      }
    }
  }
  return y;
}
