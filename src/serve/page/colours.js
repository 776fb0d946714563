// @ts-check
/**
 * Which score has which colour: one range for all images of a session, so that colours can be compared.
 *
 * @module
 */

/** @import { FloatMap } from "./types.js" */

/** Values taken of each map, and most that are kept of all. */
const OF_A_MAP = 512, MOST = 2 ** 15;
/** How much of the image the strongest colour covers. */
const COVER = 0.9;

/** The range of colours of the maps so far. */
export class ColourRange {
  /** @type {number[]} */
  #values = [];
  /** Every how many-th of the sampled values is kept. */
  #stride = 1;
  #seen = 0;
  /** @type {{ low: number, high: number } | null} */
  #range = null;

  /** @param {FloatMap} map nothing of it is kept but a sample */
  add({ data }) {
    const step = Math.max(data.length / OF_A_MAP, 1);
    for (let at = 0; at < data.length; at += step) {
      if (this.#seen++ % this.#stride === 0) this.#values.push(data[Math.floor(at)]);
    }
    while (this.#values.length > MOST) {
      this.#values = this.#values.filter((_, i) => i % 2 === 0);
      this.#stride *= 2;
    }
    this.#range = null;
  }

  /**
   * From the median of all values to their 99.9 % quantile; but a map that stays under the threshold has no more than half of the
   * colours.
   *
   * @param {number | null} threshold of the pixels
   */
  range(threshold) {
    if (this.#range === null) {
      const sorted = Float64Array.from(this.#values).sort(),
        at = (/** @type {number} */ part) => sorted[Math.round(part * (sorted.length - 1))];
      this.#range = sorted.length === 0 ? { low: 0, high: 1 } : { low: at(0.5), high: at(0.999) };
    }
    const { low, high } = this.#range;
    return { low, high: threshold !== null && threshold > low ? Math.max(high, 2 * threshold - low) : high };
  }
}

/**
 * A map as a picture to be laid over its image: clear where scores are low, covering where they are high.
 *
 * @param {FloatMap} map @param {{ low: number, high: number }} range
 * @param {Uint8Array} colours [n, 3], from no strength to full strength
 * @returns {Uint8ClampedArray<ArrayBuffer>} [height, width, 4]
 */
export function coloured({ data }, { low, high }, colours) {
  const rgba = new Uint8ClampedArray(4 * data.length), last = colours.length / 3 - 1;
  for (let i = 0; i < data.length; i++) {
    const t = Math.min(Math.max((data[i] - low) / (high - low || 1), 0), 1), from = 3 * Math.round(t * last);
    rgba[4 * i] = colours[from];
    rgba[4 * i + 1] = colours[from + 1];
    rgba[4 * i + 2] = colours[from + 2];
    rgba[4 * i + 3] = 255 * COVER * t * t * (3 - 2 * t);
  }
  return rgba;
}
