/**
 * What POST /v1/heatmap draws: the part of an image that was looked at, the map over it, the map alone.
 *
 * @module
 */
import type { Rect } from "../data/float_map.ts";
import type { Image } from "../data/image.ts";
import { resizeBilinear } from "../data/resize.ts";
import { heatmap, sharedRange } from "../report/heatmap.ts";
import type { Verdict } from "../score/verdict.ts";

/**
 * Draws at the map's size.
 *
 * @param range of the colours; null for that of the map, in which no colour is the strongest below the threshold
 * @param threshold above which a place is anomalous, where it is known
 * @throws {RangeError} where there is no map
 */
export function drawHeatmap(
  image: Image,
  { map, area }: Verdict,
  range: { low: number; high: number } | null,
  threshold: number | null,
): Image {
  if (!map) throw new RangeError("Expected a map to draw, but found none");
  const { low, high } = range ?? sharedRange(map.data), { width, height } = map;
  const data = resizeBilinear(crop(image, area), width);
  const top = range || threshold === null ? high : Math.max(high, threshold);
  return heatmap({ image: { width, height, data }, map, low, high: top });
}

function crop(image: Image, { x, y, width, height }: Rect): Image {
  if (width === image.width && height === image.height) return image;
  const data = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row++) {
    const from = 3 * ((y + row) * image.width + x);
    data.set(image.data.subarray(from, from + 3 * width), 3 * row * width);
  }
  return { width, height, data };
}
