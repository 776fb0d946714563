/**
 * SLIC superpixels (Achanta et al. 2012, "SLIC superpixels compared to state-of-the-art superpixel methods"): k-means of pixels
 * by colour (CIELAB) and place, from a grid of centres, each looking no further than to the next ones. Every superpixel is
 * connected: of several pieces the largest stays, others go to their neighbours. No random numbers.
 *
 * @module
 */

const ROUNDS = 10;
/** m: so much of colour (ΔE) weighs as a grid step of distance. */
const COMPACTNESS = 10;

/**
 * The superpixel that each pixel belongs to, [S · S], as the number of its centre in the grid, row by row.
 *
 * @param image [S · S, 3], sRGB in 0..1
 * @param grid centres along a side, at most S
 */
export function slic(image: Float32Array, S: number, grid: number): Uint32Array {
  const lab = labOf(image),
    step = S / grid,
    labels = new Uint32Array(S * S),
    nearest = new Float64Array(S * S);
  // [grid · grid, 5]: l, a, b, y, x
  const centres = new Float64Array(grid * grid * 5);
  for (let k = 0; k < grid * grid; k++) {
    const y = Math.floor((Math.floor(k / grid) + 0.5) * step), x = Math.floor((k % grid + 0.5) * step);
    const place = 3 * (y * S + x);
    centres.set([...lab.subarray(place, place + 3), y, x], 5 * k);
  }
  for (let round = 0; round < ROUNDS; round++) {
    assign(lab, S, step, centres, labels, nearest);
    average(lab, S, labels, centres);
  }
  return connected(labels, S, grid * grid);
}

/** Gives each pixel the nearest of the centres that look at it; the first of several, or the one that it had of none. */
function assign(
  lab: Float64Array,
  S: number,
  step: number,
  centres: Float64Array,
  labels: Uint32Array,
  nearest: Float64Array,
): void {
  nearest.fill(Infinity);
  const weight = (COMPACTNESS / step) ** 2;
  const from = (at: number) => Math.max(Math.ceil(at - step), 0);
  const to = (at: number) => Math.min(Math.floor(at + step), S - 1);
  for (let k = 0; k < centres.length / 5; k++) {
    const [l, a, b, cy, cx] = centres.subarray(5 * k, 5 * k + 5);
    for (let y = from(cy); y <= to(cy); y++) {
      for (let x = from(cx); x <= to(cx); x++) {
        const p = y * S + x;
        const colour = (lab[3 * p] - l) ** 2 + (lab[3 * p + 1] - a) ** 2 + (lab[3 * p + 2] - b) ** 2;
        const distance = colour + weight * ((y - cy) ** 2 + (x - cx) ** 2);
        if (distance < nearest[p]) [nearest[p], labels[p]] = [distance, k];
      }
    }
  }
}

/** Moves each centre to the mean of its pixels; one that has none stays. */
function average(lab: Float64Array, S: number, labels: Uint32Array, centres: Float64Array): void {
  const sums = new Float64Array(centres.length), counts = new Uint32Array(centres.length / 5);
  labels.forEach((k, p) => {
    counts[k]++;
    for (let c = 0; c < 3; c++) sums[5 * k + c] += lab[3 * p + c];
    sums[5 * k + 3] += Math.floor(p / S);
    sums[5 * k + 4] += p % S;
  });
  for (let i = 0; i < centres.length; i++) {
    const count = counts[Math.floor(i / 5)];
    if (count > 0) centres[i] = sums[i] / count;
  }
}

/** Labels of which each is one piece: the largest of its pieces grow, pixel by pixel, over all others. */
function connected(labels: Uint32Array, S: number, K: number): Uint32Array {
  const largest: number[][] = Array.from({ length: K }, () => []), seen = new Uint8Array(S * S);
  for (let p = 0; p < S * S; p++) {
    if (seen[p]) continue;
    const piece = [p];
    seen[p] = 1;
    for (let i = 0; i < piece.length; i++) {
      for (const q of neighbours(piece[i], S)) {
        if (seen[q] || labels[q] !== labels[p]) continue;
        seen[q] = 1;
        piece.push(q);
      }
    }
    if (piece.length > largest[labels[p]].length) largest[labels[p]] = piece;
  }
  const NONE = K, all = new Uint32Array(S * S).fill(NONE);
  largest.forEach((piece, k) => piece.forEach((p) => all[p] = k));
  for (let left = [...all.keys()].filter((p) => all[p] === NONE); left.length > 0;) {
    const found = left.map((p) => Math.min(...neighbours(p, S).map((q) => all[q])));
    left.forEach((p, i) => all[p] = found[i]);
    left = left.filter((p) => all[p] === NONE);
  }
  return all;
}

/** The pixels that share a side with p. */
function neighbours(p: number, S: number): number[] {
  const x = p % S;
  return [p - S, x > 0 ? p - 1 : -1, x < S - 1 ? p + 1 : -1, p + S].filter((q) => q >= 0 && q < S * S);
}

/** sRGB [n, 3] in 0..1 to CIELAB under D65. */
function labOf(image: Float32Array): Float64Array {
  const lab = new Float64Array(image.length);
  for (let i = 0; i < image.length; i += 3) {
    const [r, g, b] = image.subarray(i, i + 3).values().map((v) =>
      v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
    );
    const [x, y, z] = [
      (0.412453 * r + 0.357580 * g + 0.180423 * b) / 0.950456,
      0.212671 * r + 0.715160 * g + 0.072169 * b,
      (0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.088754,
    ].map((v) => v > 0.008856 ? Math.cbrt(v) : 7.787 * v + 16 / 116);
    lab.set([116 * y - 16, 500 * (x - y), 200 * (y - z)], i);
  }
  return lab;
}
