/**
 * Anomaly maps: a float for every pixel, row after row, as images have bytes; and what part of an image one covers.
 *
 * @module
 */

/** A map of scores, [height, width] row-major. */
export interface FloatMap {
  /** Values a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** width · height scores, larger is more anomalous. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** A rectangle, in pixels. */
export interface Rect {
  /** Left edge. */
  readonly x: number;
  /** Upper edge. */
  readonly y: number;
  /** From left to right. */
  readonly width: number;
  /** From top to bottom. */
  readonly height: number;
}

/**
 * A map at another size, by bilinear interpolation between the centres of its pixels: what a pixel of the resized image
 * was scored with comes to lie where that pixel came from (torch.nn.functional.interpolate, align_corners=False).
 */
export function resizeMap(map: FloatMap, width: number, height: number): FloatMap {
  if (map.width === width && map.height === height) return map;
  const { data, width: W } = map, across = sources(W, width), out = new Float32Array(width * height);
  for (const [y, { low, high, fraction }] of sources(map.height, height).entries()) {
    for (let x = 0; x < width; x++) {
      const { low: left, high: right, fraction: t } = across[x];
      const above = data[low * W + left] + t * (data[low * W + right] - data[low * W + left]);
      const below = data[high * W + left] + t * (data[high * W + right] - data[high * W + left]);
      out[y * width + x] = above + fraction * (below - above);
    }
  }
  return { width, height, data: out };
}

/** For each pixel of an axis the two of the map that it lies between. */
function sources(from: number, to: number): { low: number; high: number; fraction: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const at = Math.max((i + 0.5) * from / to - 0.5, 0), low = Math.min(Math.floor(at), from - 1);
    return { low, high: Math.min(low + 1, from - 1), fraction: at - low };
  });
}
