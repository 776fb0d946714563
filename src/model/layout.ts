/**
 * Features as files have them, [C, H, W], and as kernels take them, [N, C].
 *
 * @module
 */

/** [rows, columns] to [columns, rows]. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const turned = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) turned[c * rows + r] = values[r * columns + c];
  }
  return turned;
}

/** Channels as kernels take them: C up to a multiple of 4, what is added being zero throughout. */
export function paddedChannels(C: number): number {
  return Math.ceil(C / 4) * 4;
}
