/**
 * AUPRO, the area under the per-region overlap curve: how much of each defect is found at a given rate of false
 * alarms, a small defect counting as much as a large one. Bergmann et al., "The MVTec Anomaly Detection Dataset",
 * IJCV 2021, §5; integrated as MVTec's own evaluation does it. docs/method.md §7.
 *
 * @module
 */
import { label8 } from "./components.ts";
import { rank, type Ranking, total } from "./ranking.ts";

/** The defects of a stack of masks. */
export interface Regions {
  /** [n·height·width] 0 for a normal pixel, else the number of its region, unique over the whole stack. */
  tags: Uint32Array;
  /** [regions + 1] pixels by region; entry 0 is unused. */
  sizes: number[];
}

/**
 * Area under the mean recall of the ground-truth regions over the false-positive rate, pooled over all normal
 * pixels, from 0 up to `limit`, divided by `limit`.
 *
 * @param maps [n, height, width] anomaly scores, higher means more anomalous
 * @param masks [n, height, width] 0 normal, otherwise anomalous; 8-connected pixels of an image are one region
 * @param limit the false-positive rate at which integration stops, in (0, 1]
 * @returns 0..1, or null without an anomalous or without a normal pixel
 * @throws InputError on a NaN score, RangeError on sizes or a limit that can't be
 */
export function aupro(
  maps: Float32Array,
  masks: Uint8Array,
  n: number,
  width: number,
  height: number,
  limit = 0.3,
): number | null {
  const { tags, sizes } = findRegions(masks, n, width, height);
  return rankedAupro(rank(maps, tags), sizes, limit);
}

/** Numbers the 8-connected regions of a stack of masks [n, height, width]. Throws RangeError on a wrong size. */
export function findRegions(masks: Uint8Array, n: number, width: number, height: number): Regions {
  const area = width * height;
  if (masks.length !== n * area) {
    throw new RangeError(
      `Expected ${n} masks of ${width}×${height} pixels, but found ${masks.length} values`,
    );
  }
  return tagRegions(Array.from({ length: n }, (_, i) => ({
    width,
    height,
    data: masks.subarray(i * area, (i + 1) * area),
  })));
}

/** Numbers the 8-connected regions of masks of any sizes, one after the other. Throws RangeError on a wrong size. */
export function tagRegions(
  masks: readonly { readonly width: number; readonly height: number; readonly data: Uint8Array }[],
): Regions {
  const tags = new Uint32Array(masks.reduce((sum, { data }) => sum + data.length, 0)), sizes = [0];
  let start = 0;
  for (const { width, height, data } of masks) {
    const before = sizes.length - 1, regions = label8(data, width, height);
    for (let i = 0; i < data.length; i++) {
      if (regions.labels[i] > 0) tags[start + i] = before + regions.labels[i];
    }
    for (const size of regions.sizes.subarray(1)) sizes.push(size);
    start += data.length;
  }
  return { tags, sizes };
}

/** `aupro` of pixels that are ranked already, tagged and sized by `findRegions`. */
export function rankedAupro(ranking: Ranking, sizes: ArrayLike<number>, limit = 0.3): number | null {
  return areaBelow(limit, (visit) => tracePro(ranking, sizes, limit, visit));
}

/** What is told of each point of a curve: the false-positive rate, and the mean recall of the regions. */
export type VisitPoint = (rate: number, overlap: number) => void;

/** The area below a curve up to `limit`, over `limit`; null where there is no curve. */
export function areaBelow(limit: number, trace: (visit: VisitPoint) => boolean): number | null {
  let area = 0, lastRate = 0, lastOverlap = 0;
  const isDefined = trace((rate, overlap) => {
    area += (rate - lastRate) * (lastOverlap + overlap) / 2;
    lastRate = rate;
    lastOverlap = overlap;
  });
  return isDefined ? area / limit : null;
}

/**
 * Visits the points (false-positive rate, mean recall of the regions) of the curve: (0, 0), one for each distinct score, and at
 * last the one at `limit`, which lies between two of these.
 *
 * @returns false, and visits none, without an anomalous or without a normal pixel
 * @throws {RangeError} on a limit that can't be
 */
export function tracePro(
  { tags, tp, fp }: Ranking,
  sizes: ArrayLike<number>,
  limit: number,
  visit: VisitPoint,
): boolean {
  const regions = sizes.length - 1;
  let overlap = 0, seen = 0;
  return traceOverlap(fp, regions, limit, (p) => {
    for (const end = tp[p] + fp[p]; seen < end; seen++) {
      if (tags[seen] > 0) overlap += 1 / (sizes[tags[seen]] * regions);
    }
    return overlap;
  }, visit);
}

/** As `tracePro`. @param overlapAt the mean recall at each threshold, asked for from the highest on */
export function traceOverlap(
  fp: ArrayLike<number>,
  regions: number,
  limit: number,
  overlapAt: (p: number) => number,
  visit: VisitPoint,
): boolean {
  if (!(limit > 0 && limit <= 1)) throw new RangeError(`Expected a limit in (0, 1], but found ${limit}`);
  const normal = total(fp);
  if (normal === 0 || regions === 0) return false;
  visit(0, 0);
  let rate = 0, overlap = 0;
  for (let p = 0; rate < limit; p++) {
    const lastRate = rate, lastOverlap = overlap;
    overlap = overlapAt(p);
    rate = fp[p] / normal;
    if (rate > limit) {
      overlap = lastOverlap + (overlap - lastOverlap) * (limit - lastRate) / (rate - lastRate);
      rate = limit;
    }
    visit(rate, overlap);
  }
  return true;
}
