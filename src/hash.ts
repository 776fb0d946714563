/**
 * Counter-based random numbers: the same (seed, counter) gives the same number on every machine, so nothing
 * has to be stored to go on after a stop. The mixer is the 32-bit finaliser "lowbias32" by C. Wellons, which
 * WGSL computes bit for bit alike (dropout).
 *
 * @module
 */

/** Mixes 32 bits so that close inputs give unrelated outputs. */
export function mix32(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** 32 random bits for a position, fixed by it and 32 bits of seed: those of kernels. */
export function bitsAt(seed: number, i: number): number {
  return mix32((mix32((i + seed) >>> 0) ^ seed) >>> 0);
}

/**
 * A standard normal number for a position, fixed by it and 32 bits of seed: Box–Muller over `bitsAt`, where positions
 * 2j and 2j + 1 share a radius, the one having its cosine and the other its sine. Kernels' are within float32's rounding
 * of it on every adapter (kernels/rows/normals.wgsl).
 */
export function normalAt(seed: number, i: number): number {
  const even = i - i % 2;
  const u = ((bitsAt(seed, even) >>> 8) + 1) / 2 ** 24; // in (0, 1], exact in float32 too
  const turn = bitsAt(seed, even + 1) / 2 ** 32 - i % 2 / 4;
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * turn);
}

/** 32-bit FNV-1a of a string's UTF-8 bytes. */
export function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

/** A stream of random numbers, fixed by its seed and a name for what it is used for. */
export class Random {
  #key: number;
  #counter = 0;

  /** A stream from its beginning. @param seed taken modulo 2³² */
  constructor(seed: number, stream = "") {
    this.#key = mix32((mix32(seed >>> 0) ^ fnv1a(stream)) >>> 0);
  }

  /** The next 32 random bits. */
  bits(): number {
    return mix32((mix32((this.#counter++ + this.#key) >>> 0) ^ this.#key) >>> 0);
  }

  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number {
    return this.bits() / 2 ** 32;
  }

  /** Uniform in [low, high). */
  range(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** A whole number, uniform in 0..n−1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal (Box–Muller, one of the pair). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** The numbers 0..n−1 in random order (Fisher–Yates). */
  permutation(n: number): Uint32Array {
    const p = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [p[i], p[j]] = [p[j], p[i]];
    }
    return p;
  }
}
