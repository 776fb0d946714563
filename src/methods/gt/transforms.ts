/**
 * The geometric transformations of Golan & El-Yaniv 2018 (arXiv 1805.10917): mirrored or not, moved by a quarter of the side to
 * nine places, turned by four quarters: 72. What comes in from outside is the image reflected at its border.
 *
 * @module
 */

/** How many there are: each a label. */
export const TRANSFORMS = 2 * 3 * 3 * 4;

const tables = new Map<number, readonly Uint32Array[]>();

/** Of each transformation, which pixel of the image lies at each place, [S · S]. Made once for a size. */
export function transformTables(S: number): readonly Uint32Array[] {
  let table = tables.get(S);
  if (!table) tables.set(S, table = Array.from({ length: TRANSFORMS }, (_, label) => tableOf(S, label)));
  return table;
}

/** Label = ((mirror · 3 + down) · 3 + right) · 4 + turns. The image is mirrored, then moved, then turned. */
function tableOf(S: number, label: number): Uint32Array {
  const turns = label % 4, right = Math.floor(label / 4) % 3 - 1, down = Math.floor(label / 12) % 3 - 1;
  const mirrored = label >= 36, distance = Math.floor(S / 4);
  return Uint32Array.from({ length: S * S }, (_, place) => {
    let [y, x] = [Math.floor(place / S), place % S];
    for (let turn = 0; turn < turns; turn++) [y, x] = [x, S - 1 - y];
    [y, x] = [reflected(y - down * distance, S), reflected(x - right * distance, S)];
    return y * S + (mirrored ? S - 1 - x : x);
  });
}

/** A line beyond the border as it is seen in a mirror there. */
function reflected(i: number, S: number): number {
  return i < 0 ? -1 - i : i >= S ? 2 * S - 1 - i : i;
}

/** An image [S · S, 3] transformed, written to `to`. */
export function transform(image: Float32Array, table: Uint32Array, to: Float32Array): void {
  for (let place = 0; place < table.length; place++) {
    const from = 3 * table[place];
    for (let c = 0; c < 3; c++) to[3 * place + c] = image[from + c];
  }
}
