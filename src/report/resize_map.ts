/**
 * Anomaly maps at the size of their images.
 *
 * @module
 */

/**
 * A map at another size, by bilinear interpolation between the centres of its pixels: what a pixel of the resized image
 * was scored with comes to lie where that pixel came from (torch.nn.functional.interpolate, align_corners=False).
 *
 * @param map [S, S]
 * @returns [height, width]
 */
export function resizeMap(map: Float32Array, S: number, width: number, height: number): Float32Array {
  const across = sources(S, width), out = new Float32Array(width * height);
  for (const [y, { low, high, fraction }] of sources(S, height).entries()) {
    for (let x = 0; x < width; x++) {
      const { low: left, high: right, fraction: t } = across[x];
      const above = map[low * S + left] + t * (map[low * S + right] - map[low * S + left]);
      const below = map[high * S + left] + t * (map[high * S + right] - map[high * S + left]);
      out[y * width + x] = above + fraction * (below - above);
    }
  }
  return out;
}

/** For each pixel of an axis the two of the map that it lies between. */
function sources(S: number, length: number): { low: number; high: number; fraction: number }[] {
  return Array.from({ length }, (_, i) => {
    const at = Math.max((i + 0.5) * S / length - 0.5, 0), low = Math.min(Math.floor(at), S - 1);
    return { low, high: Math.min(low + 1, S - 1), fraction: at - low };
  });
}
