/**
 * Hashed noise over an image, in units of 1/256 of its side, so that the same scene comes out at every size.
 * Value noise is interpolated row by row from a small lattice; cellular noise looks at nine cells a pixel.
 *
 * @module
 */
import { mix32 } from "../../hash.ts";
import { SIDE } from "./material.ts";

/** A number in [0, 1) from three whole numbers. */
export function hash01(x: number, y: number, seed: number): number {
  return mix32((Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca77) ^ seed) >>> 0) / 2 ** 32;
}

/** Cubic ramp from 0 at `low` to 1 at `high`. */
export function smoothstep(low: number, high: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
}

/**
 * Adds value noise in −amplitude..amplitude to `out` [size²]. Cells finer than a pixel fade out, as they would
 * in a camera.
 * @param cellX, cellY lattice spacing in units
 */
export function addNoise(
  out: Float32Array,
  size: number,
  cellX: number,
  cellY: number,
  amplitude: number,
  seed: number,
): void {
  const unit = SIDE / size;
  const a = 2 * amplitude * Math.min(1, cellX / unit) * Math.min(1, cellY / unit);
  const shiftX = hash01(1, 0, seed), shiftY = hash01(2, 0, seed);
  const columns = Math.floor(SIDE / cellX + shiftX) + 2;
  const node = new Int32Array(size), fraction = new Float32Array(size);
  for (let x = 0; x < size; x++) {
    const u = (x + 0.5) * unit / cellX + shiftX;
    node[x] = Math.floor(u);
    const t = u - node[x];
    fraction[x] = t * t * (3 - 2 * t);
  }
  const lattice = (row: number, into: Float32Array): void => {
    for (let c = 0; c < columns; c++) into[c] = a * (hash01(c, row, seed) - 0.5);
  };
  let above = new Float32Array(columns), below = new Float32Array(columns), row = -1;
  const mixed = new Float32Array(columns);
  lattice(0, below);
  for (let y = 0; y < size; y++) {
    const v = (y + 0.5) * unit / cellY + shiftY;
    const wanted = Math.floor(v);
    if (wanted !== row) {
      if (wanted !== row + 1) lattice(wanted, below);
      [above, below] = [below, above];
      lattice(wanted + 1, below);
      row = wanted;
    }
    const t = v - wanted, fade = t * t * (3 - 2 * t);
    for (let c = 0; c < columns; c++) mixed[c] = above[c] + (below[c] - above[c]) * fade;
    for (let x = 0, i = y * size; x < size; x++, i++) {
      const c = node[x];
      out[i] += mixed[c] + (mixed[c + 1] - mixed[c]) * fraction[x];
    }
  }
}

/** A new field [size²] of `octaves` layers of value noise, each of half the cell and half the amplitude. */
export function noiseField(
  size: number,
  cell: number,
  amplitude: number,
  seed: number,
  octaves = 1,
): Float32Array {
  const out = new Float32Array(size * size);
  for (let o = 0; o < octaves; o++) {
    addNoise(out, size, cell / 2 ** o, cell / 2 ** o, amplitude / 2 ** o, mix32(seed + o));
  }
  return out;
}

/** Worley noise: for every pixel the distance to a border between cells, and which cell it lies in. */
export interface Cells {
  /** [size²] second nearest minus nearest distance to a cell's centre, in cells: 0 on a border. */
  readonly border: Float32Array;
  /** [size²] a hash of the cell in 0..1. */
  readonly id: Float32Array;
}

/**
 * Worley noise with jittered centres.
 * @param cell spacing of the centres in units
 * @param bend [size²] optional displacement in units, added to both coordinates
 */
export function cellular(size: number, cell: number, seed: number, bend?: Float32Array): Cells {
  const border = new Float32Array(size * size), id = new Float32Array(size * size);
  const scale = SIDE / size / cell;
  // Centres of all cells within reach, so that no hash is computed for a pixel.
  const side = Math.ceil(SIDE / cell) + 6;
  const centreX = new Float32Array(side * side), centreY = new Float32Array(side * side);
  for (let r = 0; r < side; r++) {
    for (let c = 0; c < side; c++) {
      centreX[r * side + c] = c + 0.1 + 0.8 * hash01(c, r, seed);
      centreY[r * side + c] = r + 0.1 + 0.8 * hash01(c, r, seed ^ 0x5bd1e995);
    }
  }
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      const shift = (bend === undefined ? 0 : bend[i] / cell) + 2.5;
      const u = Math.min(side - 2, Math.max(1, (x + 0.5) * scale + shift));
      const v = Math.min(side - 2, Math.max(1, (y + 0.5) * scale + shift));
      const first = (Math.floor(v) - 1) * side + Math.floor(u) - 1;
      let nearest = 9, second = 9, which = 0;
      for (let r = 0; r < 3; r++) {
        for (let k = first + r * side, end = k + 3; k < end; k++) {
          const dx = centreX[k] - u, dy = centreY[k] - v, d = dx * dx + dy * dy;
          if (d < nearest) {
            second = nearest;
            nearest = d;
            which = k;
          } else if (d < second) second = d;
        }
      }
      border[i] = Math.sqrt(second) - Math.sqrt(nearest);
      id[i] = hash01(which, 7, seed);
    }
  }
  return { border, id };
}
