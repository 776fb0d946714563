/**
 * Linear maps along one axis of maps (resizing, smoothing, windows, borders, pyramids), of which some are one after the
 * other: as bands for the kernel, and as matrices, a form that any other runtime has.
 *
 * @module
 */
import type { Band } from "../kernels/conv/band.ts";

const TRUNCATE = 4; // standard deviations of a Gaussian to each side

/** A linear map along an axis: of each output, the inputs that make it up, with their weights. */
export interface Axis {
  /** How many values the axis has before. */
  readonly inputs: number;
  /** And after. */
  readonly outputs: number;
  /** What an output is made of, made anew each time: all of them may be many. An input may come several times. */
  readonly row: (i: number) => readonly Tap[];
}

/** An input's part in an output. */
export interface Tap {
  readonly at: number;
  readonly weight: number;
}

/** Bilinear interpolation with aligned corners, as resize.wgsl has it. */
export function resized(inputs: number, outputs: number): Axis {
  const steps = Math.max(outputs, 2) - 1;
  const row = (i: number): Tap[] => {
    const at = Math.floor(i * (inputs - 1) / steps), fraction = i * (inputs - 1) % steps / steps;
    return [{ at, weight: 1 - fraction }, { at: Math.min(at + 1, inputs - 1), weight: fraction }];
  };
  return { inputs, outputs, row };
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
  const row = (i: number): Tap[] =>
    weights.map((weight, t) => {
      const around = (((i + t - radius) % (2 * size)) + 2 * size) % (2 * size);
      return { at: Math.min(around, 2 * size - 1 - around), weight };
    });
  return { inputs: size, outputs: size, row };
}

/**
 * Means over windows, torch.nn.functional.avg_pool2d(x, size, stride=1) along an axis.
 *
 * @throws {RangeError} where a window is larger than the axis
 */
export function windowMeans(inputs: number, size: number): Axis {
  if (size > inputs) throw new RangeError(`Expected maps of at least ${size}×${size}, but found ${inputs}`);
  const row = (i: number): Tap[] => Array.from({ length: size }, (_, t) => ({ at: i + t, weight: 1 / size }));
  return { inputs, outputs: inputs - size + 1, row };
}

/**
 * The outermost `margin` values at each end replaced by the nearest of those within.
 *
 * @throws {RangeError} where there are none within
 */
export function extended(size: number, margin: number): Axis {
  const last = size - 1 - margin;
  if (last < margin) throw new RangeError(`Expected more than ${2 * margin} values, but found ${size}`);
  return {
    inputs: size,
    outputs: size,
    row: (i) => [{ at: Math.min(Math.max(i, margin), last), weight: 1 }],
  };
}

/** One after the other; no input comes twice. */
export function chained(first: Axis, second: Axis): Axis {
  const row = (i: number): Tap[] => {
    const weights = new Map<number, number>();
    for (const outer of second.row(i)) {
      for (const { at, weight } of first.row(outer.at)) {
        weights.set(at, (weights.get(at) ?? 0) + outer.weight * weight);
      }
    }
    return [...weights].map(([at, weight]) => ({ at, weight }));
  };
  return { inputs: first.inputs, outputs: second.outputs, row };
}

/** As a matrix [outputs, inputs]; summed in float64. */
export function matrixOf({ inputs, outputs, row }: Axis): Float32Array<ArrayBuffer> {
  const matrix = new Float64Array(outputs * inputs);
  for (let i = 0; i < outputs; i++) {
    for (const { at, weight } of row(i)) matrix[i * inputs + at] += weight;
  }
  return Float32Array.from(matrix);
}

/** As what each output is made of: as many inputs of each as of the one that takes most. Summed in float64. */
export function bandOf({ inputs, outputs, row }: Axis): Band {
  const first = new Uint32Array(outputs);
  let taps = 1;
  for (let i = 0; i < outputs; i++) {
    const places = row(i).map(({ at }) => at), low = Math.min(...places);
    first[i] = low;
    taps = Math.max(taps, Math.max(...places) - low + 1);
  }
  const weights = new Float64Array(outputs * taps);
  for (let i = 0; i < outputs; i++) {
    first[i] = Math.min(first[i], inputs - taps);
    for (const { at, weight } of row(i)) weights[i * taps + at - first[i]] += weight;
  }
  return { inputs, taps, first, weights: Float32Array.from(weights) };
}
