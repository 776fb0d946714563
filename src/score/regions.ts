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

/**
 * The 8-connected pieces of a map's pixels above `threshold`, the one with the largest value first.
 *
 * @param area what of the image the map covers, pixels of the image
 */
export function regionsOf({ width, height, data }: FloatMap, threshold: number, area: Rect): Region[] {
  const mask = Uint8Array.from(data, (value) => value > threshold ? 1 : 0);
  const { labels, sizes } = label8(mask, width, height);
  const boxes = Array.from(sizes, () => ({ left: width, top: height, right: 0, bottom: 0, peak: -Infinity }));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (labels[i] === 0) continue;
      const box = boxes[labels[i]];
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.top = Math.min(box.top, y);
      box.bottom = y + 1;
      box.peak = Math.max(box.peak, data[i]);
    }
  }
  const across = area.width / width, down = area.height / height;
  return boxes.slice(1).map(({ left, top, right, bottom, peak }, i) => {
    const x = Math.round(area.x + left * across), y = Math.round(area.y + top * down);
    return {
      x,
      y,
      width: Math.max(Math.round(area.x + right * across) - x, 1),
      height: Math.max(Math.round(area.y + bottom * down) - y, 1),
      area: Math.max(Math.round(sizes[i + 1] * across * down), 1),
      peak,
    };
  }).sort((a, b) => b.peak - a.peak);
}
