/**
 * Feature normalisation (docs/method.md §9): minus the training mean per position and channel, over the training
 * standard deviation per channel. Without it ADTR spends itself on what every image has in common.
 *
 * @module
 */

/** What features are centred and scaled with. */
export interface Normalisation {
  /** [N, C] */
  mean: Float32Array<ArrayBuffer>;
  /** [C] */
  deviation: Float32Array<ArrayBuffer>;
}

// A channel that varies less in training is constant but for rounding: it is not blown up.
const LEAST_DEVIATION = 1e-6;

/** Leaves features as they are. */
export function identity(N: number, C: number): Normalisation {
  return { mean: new Float32Array(N * C), deviation: new Float32Array(C).fill(1) };
}

/**
 * Mean per position and channel and, around it, standard deviation per channel (divided by n), in float64. A channel
 * that does not vary is only centred: its deviation counts as 1.
 *
 * @param features of each training image, [N, C]
 */
export function normalisationOf(features: readonly Float32Array[], C: number): Normalisation {
  const size = features[0].length;
  const mean = new Float64Array(size), square = new Float64Array(C);
  for (const values of features) for (let i = 0; i < size; i++) mean[i] += values[i];
  for (let i = 0; i < size; i++) mean[i] /= features.length;
  for (const values of features) for (let i = 0; i < size; i++) square[i % C] += (values[i] - mean[i]) ** 2;
  const rows = features.length * size / C;
  return {
    mean: Float32Array.from(mean),
    deviation: Float32Array.from(square, (s) => Math.sqrt(s / rows)).map((d) => d < LEAST_DEVIATION ? 1 : d),
  };
}
