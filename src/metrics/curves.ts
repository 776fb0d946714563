/**
 * Curves of scores over all thresholds, thinned so that they can be drawn: ROC, precision over recall, and the per-region
 * overlap that AUPRO is the area under. docs/method.md §7.
 *
 * @module
 */
import { type Counts, total } from "./ranking.ts";

/** A line through points, from the highest threshold to the lowest. */
export interface Curve {
  /** Along the axis, never falling. */
  readonly x: number[];
  /** Upwards. */
  readonly y: number[];
}

/** A point is left out where it is nearer than this to the last one kept, along both axes: some hundreds of points stay. */
const STEP = 1 / 256;

/** Collects a curve's points. */
class Line implements Curve {
  readonly x: number[] = [];
  readonly y: number[] = [];
  #last: [x: number, y: number] | null = null;

  add(x: number, y: number): void {
    this.#last = [x, y];
    const isNear = this.x.length > 0 && Math.abs(x - this.x.at(-1)!) < STEP &&
      Math.abs(y - this.y.at(-1)!) < STEP;
    if (!isNear) this.#keep(x, y);
  }

  /** The curve, with its last point. */
  end(): Curve {
    if (this.#last && (this.x.at(-1) !== this.#last[0] || this.y.at(-1) !== this.#last[1])) {
      this.#keep(...this.#last);
    }
    return { x: this.x, y: this.y };
  }

  #keep(x: number, y: number): void {
    this.x.push(x);
    this.y.push(y);
  }
}

/** True-positive rate over false-positive rate, from (0, 0) to (1, 1); null with one class only. */
export function rocCurve({ tp, fp }: Counts): Curve | null {
  const positives = total(tp), negatives = total(fp), line = new Line();
  if (positives === 0 || negatives === 0) return null;
  line.add(0, 0);
  for (let p = 0; p < tp.length; p++) line.add(fp[p] / negatives, tp[p] / positives);
  return line.end();
}

/** Precision over recall, from recall 0, where it is as at the highest score, to 1; null with one class only. */
export function precisionRecallCurve({ tp, fp }: Counts): Curve | null {
  const positives = total(tp), line = new Line();
  if (positives === 0 || total(fp) === 0) return null;
  line.add(0, tp[0] / (tp[0] + fp[0]));
  for (let p = 0; p < tp.length; p++) line.add(tp[p] / positives, tp[p] / (tp[p] + fp[p]));
  return line.end();
}

/**
 * A curve through the points that are visited from left to right, as `tracePro` visits those of mean recall of the true regions
 * over the false-positive rate; null where none are.
 */
export function tracedCurve(trace: (visit: (x: number, y: number) => void) => boolean): Curve | null {
  const line = new Line();
  return trace((x, y) => line.add(x, y)) ? line.end() : null;
}
