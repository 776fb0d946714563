/**
 * Linear maps along one axis of maps, as matrices: what kernels do window by window (resizing, smoothing, pyramids) in a
 * form that any other runtime has.
 *
 * @module
 */
import { bell } from "../kernels/conv/blur.ts";

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

/** Gaussian smoothing, mirrored beyond the border with the edge repeated, as blur.wgsl has it. */
export function blurred(size: number, sigma: number): Axis {
  const weights = bell(sigma), radius = (weights.length - 1) / 2;
  return axis(size, size, (i) =>
    Array.from(weights, (weight, t) => {
      const around = (((i + t - radius) % (2 * size)) + 2 * size) % (2 * size);
      return { at: Math.min(around, 2 * size - 1 - around), weight };
    }));
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
export function matrixOf({ inputs, rows }: Axis): Float32Array<ArrayBuffer> {
  const matrix = new Float64Array(rows.length * inputs);
  for (const [i, row] of rows.entries()) {
    for (const { at, weight } of row) matrix[i * inputs + at] += weight;
  }
  return Float32Array.from(matrix);
}
