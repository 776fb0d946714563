/**
 * Samples ordered by score: everything that a rank-based metric needs, made once and shared by all of them. Six
 * million pixels are common, so the order comes from a radix sort of the floats' bits, in time and memory
 * proportional to the samples.
 *
 * @module
 */
import { InputError } from "../errors.ts";

/** How many samples are at or above each of P thresholds, from the highest threshold on. */
export interface Counts {
  /** [P] anomalous samples. */
  tp: ArrayLike<number>;
  /** [P] normal samples. */
  fp: ArrayLike<number>;
}

/** Samples from the highest score to the lowest, and the counts at every threshold. P, the number of distinct scores. */
export interface Ranking extends Counts {
  /** [samples] the samples' tags, highest score first; order within equal scores has no meaning. */
  tags: Uint32Array;
  /** [P] anomalous samples (tag > 0) whose score is at least the p-th highest distinct score. */
  tp: Uint32Array;
  /** [P] the same for normal samples (tag 0), so that the first tp[p] + fp[p] of `tags` are at or above it. */
  fp: Uint32Array;
}

/**
 * Ranks float32 scores. −0 and +0 are one score; infinities are allowed.
 *
 * @param scores [samples]
 * @param tags [samples] 0 for a normal sample, anything else for an anomalous one
 * @throws InputError on a NaN score, RangeError if the lengths differ
 */
export function rank(scores: Float32Array, tags: ArrayLike<number>): Ranking {
  if (tags.length !== scores.length) {
    throw new RangeError(`Expected a label for each of ${scores.length} scores, but found ${tags.length}`);
  }
  const sorted = sortByKey(descendingKeys(scores), new Uint32Array(tags));
  const { keys } = sorted;
  let distinct = keys.length > 0 ? 1 : 0;
  for (let i = 1; i < keys.length; i++) if (keys[i] !== keys[i - 1]) distinct++;

  const tp = new Uint32Array(distinct), fp = new Uint32Array(distinct);
  for (let i = 0, p = 0, positives = 0; i < keys.length; i++) {
    if (sorted.tags[i] > 0) positives++;
    if (i + 1 < keys.length && keys[i + 1] === keys[i]) continue; // a threshold can't part equal scores
    tp[p] = positives;
    fp[p++] = i + 1 - positives;
  }
  return { tags: sorted.tags, tp, fp };
}

/** The total of a cumulative count of a `Ranking`. */
export function total(counts: ArrayLike<number>): number {
  return counts[counts.length - 1] ?? 0;
}

/**
 * Unsigned integers that rise as the floats fall. A float's bits, read as an integer, rise with its magnitude: as
 * they are they order the negative numbers downwards, and below them the flipped bits of the others do.
 */
function descendingKeys(scores: Float32Array): Uint32Array<ArrayBuffer> {
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const keys = new Uint32Array(scores.length);
  for (let i = 0; i < keys.length; i++) {
    const b = bits[i] === 0x80000000 ? 0 : bits[i]; // −0 equals +0
    if ((b & 0x7fffffff) > 0x7f800000) {
      throw new InputError(`Expected a number as every anomaly score, but found NaN at position ${i}`);
    }
    keys[i] = b >>> 31 ? b : b ^ 0x7fffffff;
  }
  return keys;
}

/** Stable radix sort, ascending, least significant digit first: three digits of 11, 11 and 10 bits. */
function sortByKey(
  keys: Uint32Array<ArrayBuffer>,
  tags: Uint32Array<ArrayBuffer>,
): { keys: Uint32Array; tags: Uint32Array } {
  const n = keys.length;
  let from = { keys, tags }, to = { keys: new Uint32Array(n), tags: new Uint32Array(n) };
  for (const shift of [0, 11, 22]) {
    const next = new Uint32Array(2049); // where the next key with this digit goes
    for (let i = 0; i < n; i++) next[((from.keys[i] >>> shift) & 2047) + 1]++;
    for (let digit = 1; digit < 2048; digit++) next[digit] += next[digit - 1];
    for (let i = 0; i < n; i++) {
      const key = from.keys[i], at = next[(key >>> shift) & 2047]++;
      to.keys[at] = key;
      to.tags[at] = from.tags[i];
    }
    [from, to] = [to, from];
  }
  return from;
}
