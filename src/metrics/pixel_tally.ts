/**
 * Pixel metrics of more pixels than memory holds: maps are counted one by one, by their scores' sign, exponent and first 11
 * bits of the fraction, which is to 1 part in 2048. Within that, what is counted is exact. docs/method.md §13.
 *
 * @module
 */
import { InputError } from "../errors.ts";
import { areaBelow, tagRegions, traceOverlap, type VisitPoint } from "./aupro.ts";
import { type Confusion, confusionOf } from "./decision.ts";
import { rankedAuroc, rankedAveragePrecision, rankedBestF1 } from "./detection.ts";
import type { PixelMetrics } from "./metrics.ts";
import type { Counts } from "./ranking.ts";

/** Bits of a float32 that are left out. */
const DROPPED = 12, BINS = 2 ** (32 - DROPPED);
/** The part of false positives that AUPRO goes to. */
const LIMIT = 0.3;

/** A map with what is true of it. */
export interface LabelledMap {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [height · width], higher means more anomalous. */
  readonly map: Float32Array<ArrayBuffer>;
  /** [height · width] 0 normal, otherwise anomalous. */
  readonly mask: Uint8Array;
  /** [height · width] 0 for pixels that don't count; null where all do. */
  readonly inside: Uint8Array | null;
}

/** Counts of pixels by score. */
export class PixelTally {
  readonly #normal = new Float64Array(BINS);
  readonly #anomalous = new Float64Array(BINS);
  /** Anomalous pixels, each over the size of its region: the sum above a score is the regions' recall, added up. */
  readonly #recall = new Float64Array(BINS);
  #regions = 0;
  /** Maps that were counted. */
  images = 0;

  /** Counts a map. @throws {InputError} on a NaN score, RangeError on sizes that don't agree */
  add({ width, height, map, mask, inside }: LabelledMap): void {
    const { tags, sizes } = tagRegions([{ width, height, data: mask }]),
      bits = new Uint32Array(map.buffer, map.byteOffset, map.length);
    for (let i = 0; i < map.length; i++) {
      if (inside !== null && inside[i] === 0) continue;
      if (Number.isNaN(map[i])) {
        throw new InputError(`Expected a number as every anomaly score, but found NaN at position ${i}`);
      }
      const bin = binOf(bits[i]);
      if (tags[i] === 0) this.#normal[bin]++;
      else {
        this.#anomalous[bin]++;
        this.#recall[bin] += 1 / sizes[tags[i]];
      }
    }
    this.#regions += sizes.length - 1;
    this.images++;
  }

  /** The counts of several. */
  static sum(tallies: readonly PixelTally[]): PixelTally {
    const all = new PixelTally();
    for (const tally of tallies) {
      for (let bin = 0; bin < BINS; bin++) {
        all.#normal[bin] += tally.#normal[bin];
        all.#anomalous[bin] += tally.#anomalous[bin];
        all.#recall[bin] += tally.#recall[bin];
      }
      all.#regions += tally.#regions;
      all.images += tally.images;
    }
    return all;
  }

  /** As `pixelMetrics`. */
  metrics(): PixelMetrics {
    const counts = this.counts();
    return {
      pixel_auroc: rankedAuroc(counts),
      pixel_ap: rankedAveragePrecision(counts),
      aupro: areaBelow(LIMIT, (visit) => this.tracePro(LIMIT, visit)),
    };
  }

  /** Pixels at or above each score that there is. */
  counts(): Counts {
    const { tp, fp } = this.#cumulated();
    return { tp, fp };
  }

  /** As `tracePro` of aupro.ts. */
  tracePro(limit: number, visit: VisitPoint): boolean {
    const { fp, recall } = this.#cumulated();
    return traceOverlap(fp, this.#regions, limit, (p) => recall[p] / this.#regions, visit);
  }

  /** What becomes of the pixels at a threshold; those of its bin count as below it. */
  confusion(threshold: number): Confusion {
    const { bins, tp, fp } = this.#cumulated(),
      at = binOf(new Uint32Array(Float32Array.of(threshold).buffer)[0]);
    const above = bins.findLastIndex((bin) => bin > at), anomalous = tp.at(-1) ?? 0, normal = fp.at(-1) ?? 0;
    const [found, alarms] = above < 0 ? [0, 0] : [tp[above], fp[above]];
    return confusionOf({ tp: found, fp: alarms, tn: normal - alarms, fn: anomalous - found });
  }

  /** As `bestF1Threshold`: the highest score of the bin below those that are called anomalous. */
  bestF1Threshold(): number | null {
    const { bins, tp, fp } = this.#cumulated(), best = rankedBestF1({ tp, fp });
    if (best === null) return null;
    const positives = tp.at(-1)!, at = tp.findIndex((t, p) => 2 * t / (t + fp[p] + positives) === best);
    return highestOf(bins[at] - 1);
  }

  /** As `quantileThreshold` of the normal pixels, rounded up to the highest score of its bin; null without any. */
  normalQuantile(rate: number): number | null {
    const { bins, fp } = this.#cumulated(), normal = fp.at(-1) ?? 0;
    if (normal === 0) return null;
    const allowed = Math.floor(rate * normal + 1e-9), at = fp.findIndex((count) => count > allowed);
    return highestOf(bins[at < 0 ? bins.length - 1 : at]);
  }

  /** Bins that have something, from the highest on, and what is in them and above. */
  #cumulated(): { bins: number[]; tp: number[]; fp: number[]; recall: number[] } {
    const bins: number[] = [], tp: number[] = [], fp: number[] = [], recall: number[] = [];
    let anomalous = 0, normal = 0, sum = 0;
    for (let bin = BINS - 1; bin >= 0; bin--) {
      if (this.#normal[bin] + this.#anomalous[bin] === 0) continue;
      bins.push(bin);
      tp.push(anomalous += this.#anomalous[bin]);
      fp.push(normal += this.#normal[bin]);
      recall.push(sum += this.#recall[bin]);
    }
    return { bins, tp, fp, recall };
  }
}

/** Rises with the float. −0 is +0. */
function binOf(bits: number): number {
  if (bits === 0x80000000) bits = 0;
  return (bits >>> 31 ? ~bits >>> 0 : bits + 0x80000000) >>> DROPPED;
}

/** The highest float of a bin; below 0 never −0, which nothing that is 0 is above. */
function highestOf(bin: number): number {
  const last = (bin + 1) * 2 ** DROPPED - 1, key = last === 0x7fffffff ? last - 1 : last;
  const bits = key >= 0x80000000 ? key - 0x80000000 : ~key >>> 0;
  return new Float32Array(Uint32Array.of(bits).buffer)[0];
}
