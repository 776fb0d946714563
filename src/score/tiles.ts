/**
 * What is found on pieces of an image, put together: one map and one score. Where tiles overlap, the map is their mean, weighted
 * by windows that fall to 0 towards a tile's edges (docs/method.md §13); the score is the largest of all pieces'.
 *
 * @module
 */
import { type Frame, insideOf, partOfMap, type Piece, type Span } from "../data/frame.ts";
import { type FloatMap, resizeMap } from "../data/float_map.ts";
import type { ScoreSettings } from "../methods/method.ts";

/** What a method finds on a piece. */
export interface PieceResult {
  /** [S, S]; null from a method that scores whole images only. */
  readonly map: Float32Array<ArrayBuffer> | null;
  readonly score: number;
  /** As `Scores` has it. */
  readonly window?: number;
}

/** What is found on an image. */
export interface ImageResult {
  /** Of the frame's size. */
  readonly map: FloatMap | null;
  readonly score: number;
}

/** The pieces of one image, which come one by one. */
export class Joining {
  #frame: Frame;
  #settings: Pick<ScoreSettings, "image_score">;
  #weights: Map<Span, Float32Array> | null = null;
  #map: FloatMap | null = null;
  #score = -Infinity;

  constructor(frame: Frame, settings: Pick<ScoreSettings, "image_score">) {
    this.#frame = frame;
    this.#settings = settings;
  }

  /** The next piece. What is not looked at takes no part in its map and, where that decides, its score. */
  add(piece: Piece, { map, score, window }: PieceResult): void {
    const { S } = this.#frame, inside = map && insideOf(this.#frame, piece);
    if (map && inside) {
      const seen = lowered(map, inside);
      if (window !== undefined) score = scoreOf(seen, inside, S, window, this.#settings);
      this.#place(piece, seen);
    } else if (map) this.#place(piece, map);
    this.#score = Number.isNaN(score) ? score : Math.max(this.#score, score);
  }

  /** When all have come. */
  finish(): ImageResult {
    const map = this.#map, { inside } = this.#frame;
    return { score: this.#score, map: map && inside ? { ...map, data: lowered(map.data, inside) } : map };
  }

  #place(piece: Piece, map: Float32Array<ArrayBuffer>): void {
    const { S, columns, rows, overlap, map: { width, height } } = this.#frame, { column, row } = piece;
    const part = resizeMap(partOfMap(map, S, piece), column.extent, row.extent);
    if (columns.length * rows.length === 1) {
      this.#map = part;
      return;
    }
    this.#map ??= { width, height, data: new Float32Array(width * height) };
    this.#weights ??= new Map([...weightsOf(columns, width, overlap), ...weightsOf(rows, height, overlap)]);
    const across = this.#weights.get(column)!, down = this.#weights.get(row)!, { data } = this.#map;
    for (let y = 0, i = 0; y < row.extent; y++) {
      const to = (row.at + y) * width + column.at;
      for (let x = 0; x < column.extent; x++, i++) data[to + x] += down[y] * across[x] * part.data[i];
    }
  }
}

/** The weights of spans along their axis: a window each, over the sum of all windows, so that they add up to 1 everywhere. */
function weightsOf(spans: readonly Span[], length: number, overlap: number): [Span, Float32Array][] {
  const sum = new Float64Array(length);
  const window = (i: number, extent: number) =>
    Math.min(i + 0.5, extent - i - 0.5, overlap) / (overlap || 1) || 1;
  for (const { at, extent } of spans) for (let i = 0; i < extent; i++) sum[at + i] += window(i, extent);
  return spans.map((span) => [
    span,
    Float32Array.from({ length: span.extent }, (_, i) => window(i, span.extent) / sum[span.at + i]),
  ]);
}

/** A map whose values outside are the lowest of those inside. */
function lowered(map: Float32Array<ArrayBuffer>, inside: Uint8Array): Float32Array<ArrayBuffer> {
  let least = Infinity;
  map.forEach((value, i) => {
    if (inside[i] > 0 && value < least) least = value;
  });
  return map.map((value, i) => inside[i] > 0 ? value : least);
}

/** As `scoresOf` of methods/maps.ts, of what is looked at. @param map [S, S] */
function scoreOf(
  map: Float32Array,
  inside: Uint8Array,
  S: number,
  window: number,
  { image_score }: Pick<ScoreSettings, "image_score">,
): number {
  if (image_score === "max") return Math.fround(largestMean(map, S, window));
  let sum = 0, count = 0;
  map.forEach((value, i) => {
    if (inside[i] === 0) return;
    sum += value;
    count++;
  });
  return Math.fround(sum / count);
}

/** The largest mean of `window` × `window` values. */
function largestMean(map: Float32Array, S: number, window: number): number {
  const sums = new Float64Array((S + 1) * (S + 1)); // of all that is above and to the left
  for (let y = 0; y < S; y++) {
    let row = 0;
    for (let x = 0; x < S; x++) {
      row += map[y * S + x];
      sums[(y + 1) * (S + 1) + x + 1] = sums[y * (S + 1) + x + 1] + row;
    }
  }
  let largest = -Infinity;
  const at = (y: number, x: number) => sums[y * (S + 1) + x];
  for (let y = window; y <= S; y++) {
    for (let x = window; x <= S; x++) {
      const total = at(y, x) - at(y - window, x) - at(y, x - window) + at(y - window, x - window);
      largest = Math.max(largest, total);
    }
  }
  return largest / window ** 2;
}
