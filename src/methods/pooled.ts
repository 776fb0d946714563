/**
 * Features of a whole image from those of its positions, where a backbone has none of its own.
 *
 * @module
 */

/**
 * The mean over positions of the channels from `first` on: of all, or of the last level that a neck has joined. A level that
 * was resized to the map's size has a slightly other mean there than at its own.
 *
 * @param features of an image, [N, C]
 * @returns [C − first], summed in float64
 */
export function pooledFeatures(features: Float32Array, C: number, first = 0): Float32Array<ArrayBuffer> {
  const sum = new Float64Array(C - first), N = features.length / C;
  for (let at = first; at < features.length; at += C) {
    for (let c = 0; c < C - first; c++) sum[c] += features[at + c];
  }
  return Float32Array.from(sum, (s) => s / N);
}
