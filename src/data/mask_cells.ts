/**
 * A pixel mask at the size of the feature map, where the losses need it (docs/method.md §4).
 *
 * @module
 */

/**
 * The maximum over each cell, pixels floor(i·S/H) to ceil((i+1)·S/H) of an axis, so that a small defect survives. Cells
 * overlap by a pixel where H does not divide S, and repeat pixels where H is above S.
 *
 * @param mask 0 or 1, [S, S]
 * @returns 0 or 1, [H, W]
 */
export function maskCells(mask: Uint8Array, S: number, H: number, W: number): Uint8Array {
  const out = new Uint8Array(H * W);
  for (let h = 0, i = 0; h < H; h++) {
    const [top, bottom] = cell(h, S, H);
    for (let w = 0; w < W; w++, i++) {
      const [left, right] = cell(w, S, W);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) out[i] = Math.max(out[i], mask[y * S + x]);
      }
    }
  }
  return out;
}

function cell(i: number, S: number, cells: number): [begin: number, end: number] {
  return [Math.floor(i * S / cells), Math.ceil((i + 1) * S / cells)];
}
