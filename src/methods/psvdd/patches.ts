/**
 * Which patches Patch SVDD looks at: pairs to be told apart by the side on which the second lies, pairs that nearly coincide,
 * and all patches of an image in steps.
 *
 * @module
 */
import type { Random } from "../../hash.ts";

/** Where two patches begin, down and right, and on which side the second lies. */
export interface Pair {
  readonly first: readonly [y: number, x: number];
  readonly second: readonly [y: number, x: number];
  readonly side: number;
}

/** The eight sides. */
const SIDES = [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]] as const;

/** A patch of side K within S×S pixels, and one on any side of it, ¾ K to K away; cut off at the border. */
export function neighbours(random: Random, S: number, K: number): Pair {
  const side = random.below(8),
    room = S - K,
    away = () => Math.floor(3 * K / 4) + random.below(Math.max(1, K / 4));
  const first = [random.below(room + 1), random.below(room + 1)] as const;
  const [down, right] = SIDES[side];
  return {
    first,
    second: [within(first[0] + down * away(), room), within(first[1] + right * away(), room)],
    side,
  };
}

/** A patch and one that is moved by at most K / 32 pixels, at least one: their codes shall be alike. */
export function twins(random: Random, S: number, K: number): Pair {
  const room = S - K, most = Math.max(1, Math.floor(K / 32));
  const first = [random.below(room + 1), random.below(room + 1)] as const;
  const moved = () => random.below(2 * most + 1) - most;
  const second = [within(first[0] + moved(), room), within(first[1] + moved(), room)] as const;
  return { first, second, side: 0 };
}

function within(at: number, room: number): number {
  return Math.min(Math.max(at, 0), room);
}

/** A square of side k of an image [S, S, 3], written to `to`. */
export function cut(
  image: Float32Array,
  S: number,
  [y, x]: readonly [y: number, x: number],
  k: number,
  to: Float32Array,
): void {
  for (let row = 0; row < k; row++) {
    const from = 3 * ((y + row) * S + x);
    to.set(image.subarray(from, from + 3 * k), 3 * row * k);
  }
}

/** Scores of n×n patches of side K in steps as a map [S, S]: each pixel has the mean of those that it lies in, 0 of none. */
export function spreadPatches(
  scores: ArrayLike<number>,
  n: number,
  K: number,
  step: number,
  S: number,
): Float64Array {
  // Corners of every patch's square in an array of differences, whose running sums are sums over patches.
  const sums = new Float64Array((S + 1) ** 2), counts = new Float64Array((S + 1) ** 2);
  for (let i = 0; i < n * n; i++) {
    const y = Math.floor(i / n) * step, x = i % n * step;
    for (const [dy, dx, sign] of [[0, 0, 1], [0, K, -1], [K, 0, -1], [K, K, 1]]) {
      const at = (y + dy) * (S + 1) + x + dx;
      sums[at] += sign * scores[i];
      counts[at] += sign;
    }
  }
  const map = new Float64Array(S * S);
  for (let y = 0; y < S; y++) {
    for (let x = 0; x < S; x++) {
      const at = y * (S + 1) + x;
      for (const values of [sums, counts]) {
        values[at] += (x > 0 ? values[at - 1] : 0) + (y > 0 ? values[at - S - 1] : 0) -
          (x > 0 && y > 0 ? values[at - S - 2] : 0);
      }
      if (counts[at] > 0.5) map[y * S + x] = Math.max(0, sums[at] / counts[at]);
    }
  }
  return map;
}
