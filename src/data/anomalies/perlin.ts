/**
 * Perlin anomalies, after DRAEM (Zavrtanik et al., ICCV 2021): where Perlin noise is high, another texture is blended
 * into the image.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import { hash01 } from "../procedural/noise.ts";
import { type Anomaly, untilChanged } from "./anomaly.ts";
import { drawTexture } from "./texture.ts";

/** Cells along the image's sides: 2 to the power of 0..5. */
const POWERS = 6;
/** Noise above it, of −1..1, is anomalous. */
const THRESHOLD = 0.5;
/** How much of the image is left, at most. */
const OPACITY = 0.8;

/**
 * Blends a texture into an image; a `DrawAnomaly`.
 *
 * @param texture gives what fills the anomaly, RGB [S, S, 3]: procedural by default
 */
export function perlin(
  image: Uint8Array,
  S: number,
  random: Random,
  texture: (S: number, random: Random) => Uint8Array = drawTexture,
): Anomaly {
  return untilChanged(image, (copy) => {
    const noise = perlinNoise(S, random), fill = texture(S, random), left = random.range(0, OPACITY);
    for (let i = 0; i < copy.length; i++) {
      if (noise[Math.floor(i / 3)] > THRESHOLD) copy[i] = Math.round(fill[i] + left * (copy[i] - fill[i]));
    }
  });
}

/** Perlin noise in −1..1, [S, S], with 1 to 32 cells along each side, turned by any angle. */
export function perlinNoise(S: number, random: Random): Float32Array {
  const across = 2 ** random.below(POWERS), down = 2 ** random.below(POWERS);
  const angle = random.range(-Math.PI / 2, Math.PI / 2), cos = Math.cos(angle), sin = Math.sin(angle);
  const seed = random.bits(), noise = new Float32Array(S * S);
  for (let y = 0, i = 0; y < S; y++) {
    for (let x = 0; x < S; x++, i++) {
      const u = (x + 0.5) / S - 0.5, v = (y + 0.5) / S - 0.5;
      noise[i] = Math.SQRT2 * gradientNoise(across * (cos * u + sin * v), down * (cos * v - sin * u), seed);
    }
  }
  return noise;
}

/** Perlin noise at a point: slopes of random directions at the corners of its unit cell, smoothly interpolated. */
function gradientNoise(u: number, v: number, seed: number): number {
  const column = Math.floor(u), row = Math.floor(v), right = u - column, below = v - row;
  const corner = (i: number, j: number): number => {
    const direction = 2 * Math.PI * hash01(column + i, row + j, seed);
    return Math.cos(direction) * (right - i) + Math.sin(direction) * (below - j);
  };
  const across = fade(right), top = mix(corner(0, 0), corner(1, 0), across);
  return mix(top, mix(corner(0, 1), corner(1, 1), across), fade(below));
}

function fade(t: number): number {
  return t ** 3 * (t * (6 * t - 15) + 10);
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}
