/**
 * What POST /v1/heatmap draws: the part of an image that was looked at, the map over it, the map alone.
 *
 * @module
 */
import { cropImage } from "../data/frame.ts";
import type { Image } from "../data/image.ts";
import { mapWithin } from "../data/mask_cells.ts";
import { resizeImage } from "../data/resize.ts";
import { heatmap, sharedRange } from "../report/heatmap.ts";
import type { Verdict } from "../score/verdict.ts";

/** Pixels a side of a panel at most: maps of tiles may have many more. */
const MOST = 1024;

/**
 * Draws at the map's size, or what of it is not too large.
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
  const { low, high } = range ?? sharedRange(map.data), small = mapWithin(map, MOST);
  const seen = resizeImage(cropImage(image, area), small.width, small.height);
  const top = range || threshold === null ? high : Math.max(high, threshold);
  return heatmap({ image: seen, map: small, low, high: top });
}
