/**
 * Linear maps along one axis of maps (resizing, smoothing, windows, pyramids), of which some are one after the other: as bands
 * for the kernel, and as matrices, a form that any other runtime has.
 *
 * @module
 */
import type { Band } from "../kernels/conv/band.ts";

const TRUNCATE = 4; // standard deviations of a Gaussian to each side

/** A linear map along an axis: of each output, the inputs that make it up, with their weights. */
export interface Axis {
  /** How many values the axis has before. */
  readonly inputs: number;
  /** Of every output. An input may come several times. */
  readonly rows: readonly (readonly Tap[])[];
}

/** An input's part in an output. */
export interface Tap {
  readonly at: number;
  readonly weight: number;
}

/** An axis whose outputs are made by `row`. */
export function axis(inputs: number, outputs: number, row: (i: number) => Tap[]): Axis {
  return { inputs, rows: Array.from({ length: outputs }, (_, i) => row(i)) };
}

/** Bilinear interpolation with aligned corners, as resize.wgsl has it. */
export function resized(inputs: number, outputs: number): Axis {
  const steps = Math.max(outputs, 2) - 1;
  return axis(inputs, outputs, (i) => {
    const at = Math.floor(i * (inputs - 1) / steps), fraction = i * (inputs - 1) % steps / steps;
    return [{ at, weight: 1 - fraction }, { at: Math.min(at + 1, inputs - 1), weight: fraction }];
  });
}

/** The weights of a Gaussian of that standard deviation, cut off at four of them; they add up to 1. */
function bell(sigma: number): number[] {
  const radius = Math.floor(TRUNCATE * sigma + 0.5);
  const weights = Array.from(
    { length: 2 * radius + 1 },
    (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const total = weights.reduce((a, b) => a + b);
  return weights.map((v) => v / total);
}

/**
 * Gaussian smoothing, mirrored beyond the border with the edge repeated: scipy.ndimage.gaussian_filter(mode="reflect",
 * truncate=4).
 */
export function blurred(size: number, sigma: number): Axis {
  const weights = bell(sigma), radius = (weights.length - 1) / 2;
  return axis(size, size, (i) =>
    Array.from(weights, (weight, t) => {
      const around = (((i + t - radius) % (2 * size)) + 2 * size) % (2 * size);
      return { at: Math.min(around, 2 * size - 1 - around), weight };
    }));
}

/**
 * Means over windows, torch.nn.functional.avg_pool2d(x, size, stride=1) along an axis.
 *
 * @throws {RangeError} where a window is larger than the axis
 */
export function windowMeans(inputs: number, size: number): Axis {
  if (size > inputs) throw new RangeError(`Expected maps of at least ${size}×${size}, but found ${inputs}`);
  return axis(
    inputs,
    inputs - size + 1,
    (i) => Array.from({ length: size }, (_, t) => ({ at: i + t, weight: 1 / size })),
  );
}

/** One after the other. */
export function chained(first: Axis, second: Axis): Axis {
  return axis(
    first.inputs,
    second.rows.length,
    (i) =>
      second.rows[i].flatMap(({ at, weight }) =>
        first.rows[at].map((tap) => ({ at: tap.at, weight: weight * tap.weight }))
      ),
  );
}

/** As a matrix [outputs, inputs]; summed in float64. */
export function matrixOf(axis: Axis): Float32Array<ArrayBuffer> {
  return Float32Array.from(summed(axis));
}

/** As what each output is made of: as many inputs of each as of the one that takes most. */
export function bandOf(axis: Axis): Band {
  const { inputs, rows } = axis, matrix = summed(axis);
  const ends = rows.map((row) => row.map(({ at }) => at)).map((all) => [Math.min(...all), Math.max(...all)]);
  const taps = 1 + Math.max(...ends.map(([low, high]) => high - low));
  const first = Uint32Array.from(ends, ([low]) => Math.min(low, inputs - taps));
  const weights = Float32Array.from(
    { length: rows.length * taps },
    (_, i) => matrix[Math.floor(i / taps) * inputs + first[Math.floor(i / taps)] + i % taps],
  );
  return { inputs, taps, first, weights };
}

function summed({ inputs, rows }: Axis): Float64Array<ArrayBuffer> {
  const matrix = new Float64Array(rows.length * inputs);
  for (const [i, row] of rows.entries()) {
    for (const { at, weight } of row) matrix[i * inputs + at] += weight;
  }
  return matrix;
}
