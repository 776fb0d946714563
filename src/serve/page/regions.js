// @ts-check
/**
 * What of a map is above a threshold: its connected pieces, as the library's `regionsOf` finds them, for a threshold that moves
 * on the page.
 *
 * @module
 */

/** @import { FloatMap, Rect } from "./types.js" */
/** @typedef {Rect & { area: number, peak: number }} Region in pixels of the image; peak is the map's largest value in it */

/**
 * Pieces of a map whose values are above a threshold, neighbours by sides and corners; the largest peak first.
 *
 * @param {FloatMap} map @param {number} threshold
 * @param {Rect} area of the image, what the map covers
 * @returns {Region[]}
 */
export function regionsOf({ width, height, data }, threshold, area) {
  const seen = new Uint8Array(data.length), sx = area.width / width, sy = area.height / height;
  /** @type {Region[]} */
  const regions = [];
  for (let start = 0; start < data.length; start++) {
    if (seen[start] || !(data[start] > threshold)) continue;
    let left = width, right = 0, top = height, bottom = 0, cells = 0, peak = -Infinity;
    const open = [start];
    seen[start] = 1;
    for (let at; (at = open.pop()) !== undefined;) {
      const x = at % width, y = (at - x) / width;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
      peak = Math.max(peak, data[at]);
      cells++;
      for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1); v++) {
        for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1); u++) {
          const next = v * width + u;
          if (seen[next] || !(data[next] > threshold)) continue;
          seen[next] = 1;
          open.push(next);
        }
      }
    }
    const x = Math.round(area.x + left * sx), y = Math.round(area.y + top * sy);
    regions.push({
      x,
      y,
      width: Math.max(Math.round(area.x + right * sx) - x, 1),
      height: Math.max(Math.round(area.y + bottom * sy) - y, 1),
      area: Math.max(Math.round(cells * sx * sy), 1),
      peak,
    });
  }
  return regions.sort((a, b) => b.peak - a.peak);
}
