/**
 * A pixel mask at the size of the feature map, where the losses need it (docs/method.md §4), and maps made smaller alike.
 *
 * @module
 */
import type { FloatMap } from "./float_map.ts";
import { sidesWithin } from "./resize.ts";

/**
 * The maximum over each cell, pixels floor(i·S/H) to ceil((i+1)·S/H) of an axis, so that a small defect survives. Cells
 * overlap by a pixel where H does not divide S, and repeat pixels where H is above S.
 *
 * @param mask 0 or 1, [S, S]
 * @returns 0 or 1, [H, W]
 */
export function maskCells(mask: Uint8Array, S: number, H: number, W: number): Uint8Array {
  return maxCells(mask, { width: S, height: S }, { width: W, height: H }, new Uint8Array(H * W));
}

/** The same of any values and sizes: [from.height, from.width] to `out` [to.height, to.width]. */
export function maxCells<T extends Uint8Array | Float32Array>(
  values: Uint8Array | Float32Array,
  from: { readonly width: number; readonly height: number },
  to: { readonly width: number; readonly height: number },
  out: T,
): T {
  for (let h = 0, i = 0; h < to.height; h++) {
    const [top, bottom] = cell(h, from.height, to.height);
    for (let w = 0; w < to.width; w++, i++) {
      const [left, right] = cell(w, from.width, to.width);
      let largest = -Infinity;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) largest = Math.max(largest, values[y * from.width + x]);
      }
      out[i] = largest;
    }
  }
  return out;
}

/** A map with at most `most` pixels a side, in proportion: the largest values of what it stands for. Smaller ones stay. */
export function mapWithin(map: FloatMap, most: number): FloatMap {
  const { width, height } = sidesWithin(map, 1, most);
  if (width === map.width && height === map.height) return map;
  return {
    width,
    height,
    data: maxCells(map.data, map, { width, height }, new Float32Array(width * height)),
  };
}

function cell(i: number, S: number, cells: number): [begin: number, end: number] {
  return [Math.floor(i * S / cells), Math.ceil((i + 1) * S / cells)];
}
