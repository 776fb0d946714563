/**
 * Connected components of a mask: AUPRO weighs every defect alike, whatever its size, so it must know which pixels
 * are one defect. Two passes with union–find.
 *
 * @module
 */

/** A mask taken apart into its regions. */
export interface Components {
  /** [height·width] 0 outside the mask, else the region's number, from 1 in the order of their first pixels. */
  labels: Uint32Array;
  /** [regions + 1] pixels by label; entry 0 counts the pixels outside the mask. */
  sizes: Uint32Array;
}

/**
 * Labels the 8-connected regions of a mask (SciPy's `ndimage.label` with a 3×3 structure of ones).
 *
 * @param mask [height·width], row-major; 0 is outside
 * @throws RangeError if the mask has another size
 */
export function label8(mask: Uint8Array, width: number, height: number): Components {
  if (mask.length !== width * height) {
    throw new RangeError(`Expected a mask of ${width}×${height} pixels, but found ${mask.length} values`);
  }
  const labels = new Uint32Array(mask.length);
  const parent = [0]; // of every provisional label, its own or a smaller one of the same region

  const find = (label: number): number => {
    while (parent[label] !== label) label = parent[label] = parent[parent[label]];
    return label;
  };
  /** One label for both, 0 meaning none; the smaller root wins, so parents come before their children. */
  const join = (a: number, b: number): number => {
    if (a === 0 || b === 0 || a === b) return a || b;
    const rootA = find(a), rootB = find(b);
    const root = Math.min(rootA, rootB);
    parent[rootA] = parent[rootB] = root;
    return root;
  };

  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (mask[i] === 0) continue;
      let label = x > 0 ? labels[i - 1] : 0;
      if (y > 0) {
        const up = i - width;
        if (x > 0) label = join(label, labels[up - 1]);
        label = join(label, labels[up]);
        if (x + 1 < width) label = join(label, labels[up + 1]);
      }
      labels[i] = label || parent.push(parent.length) - 1;
    }
  }

  const final = new Uint32Array(parent.length);
  let regions = 0;
  for (let l = 1; l < parent.length; l++) final[l] = parent[l] === l ? ++regions : final[parent[l]];
  const sizes = new Uint32Array(regions + 1);
  for (let i = 0; i < labels.length; i++) sizes[labels[i] = final[labels[i]]]++;
  return { labels, sizes };
}
