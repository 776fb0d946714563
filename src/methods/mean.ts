/**
 * The mean of rows.
 *
 * @module
 */
import { pauses } from "./pause.ts";

/**
 * The mean of all rows of `width` values, summed in float64.
 *
 * @param arrays of whole rows
 * @returns [width]
 */
export async function meanOf(
  arrays: readonly Float32Array[],
  width: number,
  signal?: AbortSignal,
): Promise<Float32Array<ArrayBuffer>> {
  const sum = new Float64Array(width), pause = pauses(signal);
  let rows = 0;
  for (const array of arrays) {
    for (let at = 0; at < array.length; at += width, rows++) {
      for (let c = 0; c < width; c++) sum[c] += array[at + c];
    }
    await pause();
  }
  return Float32Array.from(sum, (s) => s / rows);
}
