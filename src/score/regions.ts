/**
 * Where an image is anomalous: the connected pieces of what its map has above the pixel threshold.
 *
 * @module
 */
import type { FloatMap, Rect } from "../data/float_map.ts";
import { label8 } from "../metrics/components.ts";

/** A connected piece; its box in pixels of the image. */
export interface Region extends Rect {
  /** How many pixels of the image it covers, to the nearest. */
  readonly area: number;
  /** The map's largest value in it. */
  readonly peak: number;
}

/** Regions that are told of a map: one of noise has hundreds of thousands. */
const MOST = 100;

/**
 * The 8-connected pieces of a map's pixels above `threshold`, the one with the largest value first.
 *
 * @param area what of the image the map covers, pixels of the image
 * @param most how many are given, those with the largest values; 100 by default
 */
export function regionsOf(
  { width, height, data }: FloatMap,
  threshold: number,
  area: Rect,
  most: number = MOST,
): Region[] {
  const mask = new Uint8Array(data.length); // by a loop: `Uint8Array.from` is many times slower
  for (let i = 0; i < data.length; i++) mask[i] = Number(data[i] > threshold);
  const { labels, sizes } = label8(mask, width, height);
  const peaks = new Float32Array(sizes.length).fill(-Infinity);
  for (let i = 0; i < data.length; i++) {
    if (mask[i] !== 0) peaks[labels[i]] = Math.max(peaks[labels[i]], data[i]);
  }
  const kept = highest(peaks, Math.min(most, sizes.length - 1)); // never 0, the rest of the map
  const boxes = new Map(kept.map((label) => [label, { left: width, top: height, right: 0, bottom: 0 }]));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const box = mask[i] === 0 ? undefined : boxes.get(labels[i]);
      if (!box) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = y + 1;
    }
  }
  const across = area.width / width, down = area.height / height;
  return Array.from(boxes, ([label, { left, top, right, bottom }]) => {
    const x = Math.round(area.x + left * across), y = Math.round(area.y + top * down);
    return {
      x,
      y,
      width: Math.max(Math.round(area.x + right * across) - x, 1),
      height: Math.max(Math.round(area.y + bottom * down) - y, 1),
      area: Math.max(Math.round(sizes[label] * across * down), 1),
      peak: peaks[label],
    };
  });
}

/** Where the largest values are, the largest first. @param most how many, of those that there are */
function highest(values: Float32Array, most: number): number[] {
  const least = values.toSorted()[values.length - most];
  const found = [...values.keys()].filter((i) => values[i] >= least); // more where some are the same
  return found.sort((a, b) => values[b] - values[a]).slice(0, most);
}
