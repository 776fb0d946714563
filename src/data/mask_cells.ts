/**
 * A pixel mask at the size of the feature map, where the losses need it (docs/method.md §4), and maps made smaller alike.
 *
 * @module
 */
import type { FloatMap } from "./float_map.ts";
import type { Mask } from "./image.ts";
import { sidesWithin } from "./resize.ts";

/**
 * The maximum over each cell, pixels floor(i·S/H) to ceil((i+1)·S/H) of an axis, so that a small defect survives. Cells
 * overlap by a pixel where H does not divide S, and repeat pixels where H is above S.
 *
 * @param mask 0 or 1, [S, S]
 * @returns 0 or 1, [H, W]
 */
export function maskCells(mask: Uint8Array, S: number, H: number, W: number): Uint8Array {
  const cells = new Uint8Array(H * W);
  for (let h = 0, i = 0; h < H; h++) {
    const [top, bottom] = cell(h, S, H);
    for (let w = 0; w < W; w++, i++) {
      const [left, right] = cell(w, S, W);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) cells[i] = Math.max(cells[i], mask[y * S + x]);
      }
    }
  }
  return cells;
}

function cell(i: number, S: number, cells: number): [begin: number, end: number] {
  return [Math.floor(i * S / cells), Math.ceil((i + 1) * S / cells)];
}

/**
 * A map or a mask with at most `most` pixels a side, in proportion: each the largest value of those that it stands for, so that
 * nothing small is lost. These don't overlap: nothing small grows more than it must. One that is smaller is given back.
 */
export function mapWithin<T extends FloatMap | Mask>(map: T, most: number): T {
  const { width, height } = sidesWithin(map, 1, most);
  if (width === map.width && height === map.height) return map;
  const data = map.data.slice(0, width * height).fill(-Infinity); // 0 in bytes
  for (let y = 0, i = 0; y < map.height; y++) {
    const row = Math.floor(y * height / map.height) * width;
    for (let x = 0; x < map.width; x++, i++) {
      const at = row + Math.floor(x * width / map.width);
      data[at] = Math.max(data[at], map.data[i]);
    }
  }
  return { ...map, width, height, data };
}
