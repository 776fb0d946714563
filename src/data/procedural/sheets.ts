/**
 * Textures without a regular pattern: wood, leather and polished stone tile.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import type { Category } from "./category.ts";
import {
  anywhere,
  contamination,
  crack,
  cut,
  type Defect,
  dent,
  discolor,
  fibre,
  glue,
  hole,
  scratch,
  stain,
} from "./defects.ts";
import { type Material, mixColor, primeMaterial, tintColor } from "./material.ts";
import { addNoise, cellular, noiseField, smoothstep } from "./noise.ts";
import { blob, fill, type Frame, IMAGE_FRAME, wandering } from "./shapes.ts";

/** Planed wood, grain along y. */
export const wood: Category = {
  paint(m: Material, random: Random): Frame {
    const { size, unit, rgb, height } = m;
    const n = size * size;
    const bend = new Float32Array(n), fibres = new Float32Array(n), pores = new Float32Array(n);
    addNoise(bend, size, 46, 300, 1.1, random.bits());
    addNoise(bend, size, 17, 160, 0.3, random.bits());
    addNoise(fibres, size, 2.2, 60, 0.6, random.bits());
    addNoise(fibres, size, 6, 110, 0.4, random.bits());
    addNoise(pores, size, 1.7, 20, 1, random.bits());
    const clouds = noiseField(size, 90, 0.05, random.bits());
    const phase = random.uniform();
    for (let y = 0, i = 0; y < size; y++) {
      for (let x = 0; x < size; x++, i++) {
        // Growth rings: early wood is light and darkens slowly; late wood ends in a sharp line.
        const ring = (x + 0.5) * unit / 15 + bend[i] + phase;
        const r = ring - Math.floor(ring);
        const late = r * r * r * (1 - smoothstep(0.93, 1, r));
        const pore = smoothstep(0.55, 0.95, pores[i]);
        const dark = 0.78 * late + 0.2 * fibres[i] + 0.3 * pore + clouds[i];
        rgb[3 * i] = 0.74 - 0.3 * dark;
        rgb[3 * i + 1] = 0.55 - 0.31 * dark;
        rgb[3 * i + 2] = 0.37 - 0.26 * dark;
        height[i] = 0.35 * fibres[i] - 0.5 * pore - 0.3 * late;
      }
    }
    m.gloss.fill(0.06);
    m.cover.fill(1);
    return IMAGE_FRAME;
  },
  faults: [],
  flaws: {
    color: discolor(anywhere, [24, 44], [[1.12, 0.72, 0.6], [0.72, 0.85, 1.1], [0.6, 0.55, 0.55]]),
    dent: dent(anywhere, [24, 36], 8),
    hole: hole(anywhere, [12, 22], [0.1, 0.06, 0.03]),
    liquid: stain(anywhere, [26, 46], [0.5, 0.42, 0.38], 0.25),
    scratch: scratch(anywhere, [80, 160], [5, 10], [0.9, 0.78, 0.6]),
    thread: fibre(anywhere, [80, 140], [5, 8], [[0.12, 0.13, 0.16], [0.92, 0.92, 0.9], [0.2, 0.3, 0.6]]),
  },
};

/** A crease: the skin is pushed up along a line, with a dark valley beside it. */
const fold: Defect = (m, frame, random) => {
  const [u, v] = anywhere(random);
  const half = random.range(5, 8);
  const line = wandering(random, u, v, random.range(90, 150), half, 0.12);
  fill(m, frame, line, (i, a, _u, _v, d) => {
    const t = Math.min(1, Math.max(0, -d / half));
    m.height[i] += half * 0.8 * t * t * (3 - 2 * t);
    tintColor(m, i, [1.25, 1.2, 1.15], a * t);
    tintColor(m, i, [0.6, 0.6, 0.6], a * (1 - t));
  });
};

/** Brown leather with a pebbled grain. */
export const leather: Category = {
  paint(m: Material, random: Random): Frame {
    const { size, rgb, height, gloss } = m;
    const bend = noiseField(size, 18, 4, random.bits(), 2);
    const { border, id } = cellular(size, 7.5, random.bits(), bend);
    const clouds = noiseField(size, 60, 0.07, random.bits(), 3);
    const grain = noiseField(size, 2.5, 0.5, random.bits());
    for (let i = 0; i < size * size; i++) {
      const dome = smoothstep(0, 0.7, border[i]);
      height[i] = 1.2 * dome + 0.3 * grain[i];
      const tone = (0.68 + 0.32 * dome) * (1 + clouds[i] + 0.14 * (id[i] - 0.5) + 0.05 * grain[i]);
      rgb[3 * i] = 0.47 * tone;
      rgb[3 * i + 1] = 0.285 * tone;
      rgb[3 * i + 2] = 0.18 * tone;
      gloss[i] = 0.12 + 0.2 * dome;
    }
    m.cover.fill(1);
    return IMAGE_FRAME;
  },
  faults: [],
  flaws: {
    color: discolor(anywhere, [14, 28], [[1.5, 0.75, 0.7], [0.6, 0.8, 1.5], [1.35, 1.45, 1.3]]),
    cut: cut(anywhere, [45, 85], [5, 9], [0.72, 0.58, 0.42]),
    fold,
    glue: glue(anywhere, [11, 20], [1, 2]),
    poke: hole(anywhere, [7, 12], [0.06, 0.04, 0.03]),
    stain: stain(anywhere, [18, 32], [0.48, 0.45, 0.45]),
  },
};

/** A broad pencil or felt-pen mark. */
const grayStroke: Defect = (m, frame, random) => {
  const [u, v] = anywhere(random);
  const hatch = noiseField(m.size, 4, 0.35, random.bits());
  const line = wandering(random, u, v, random.range(70, 120), random.range(7, 12), 0.25);
  fill(m, frame, line, (i, a) => {
    mixColor(m, i, [0.42, 0.42, 0.43], a * (0.6 + hatch[i]));
    m.gloss[i] *= 1 - a;
  });
};

/** Polish that is worn off: pale, matt and uneven. */
const rough: Defect = (m, frame, random) => {
  const [u, v] = anywhere(random);
  const r = random.range(18, 32);
  const pits = noiseField(m.size, 5, 1.6, random.bits(), 2);
  fill(m, frame, blob(random, u, v, r, r * random.range(0.6, 1), 0.5), (i, a) => {
    mixColor(m, i, [0.86, 0.84, 0.8], 0.55 * a);
    m.height[i] += a * pits[i];
    m.gloss[i] *= 1 - a;
  }, 0.2 * r);
};

/** Polished granite. */
export const tile: Category = {
  paint(m: Material, random: Random): Frame {
    primeMaterial(m, [0.72, 0.7, 0.67], 0.22, 1);
    const { size, rgb } = m;
    const quartz = noiseField(size, 13, 0.7, random.bits(), 3);
    const mica = noiseField(size, 9, 0.75, random.bits(), 3);
    const feldspar = noiseField(size, 17, 0.7, random.bits(), 2);
    const grain = noiseField(size, 2.5, 0.06, random.bits());
    for (let i = 0; i < size * size; i++) {
      mixColor(m, i, [0.86, 0.84, 0.8], smoothstep(0.05, 0.25, quartz[i]));
      mixColor(m, i, [0.66, 0.53, 0.46], 0.8 * smoothstep(0.2, 0.34, feldspar[i]));
      mixColor(m, i, [0.2, 0.2, 0.21], 0.95 * smoothstep(0.3, 0.42, mica[i]));
      for (let c = 0; c < 3; c++) rgb[3 * i + c] *= 1 + grain[i];
    }
    m.height.fill(1);
    return IMAGE_FRAME;
  },
  faults: [],
  flaws: {
    crack: crack(anywhere, [70, 140], [4, 7], [0.13, 0.12, 0.11]),
    glue_strip: glue(anywhere, [8, 13], [3, 5]),
    gray_stroke: grayStroke,
    metal_contamination: contamination(anywhere, [5, 10], [[0.6, 0.6, 0.62], [0.62, 0.45, 0.2]], [2, 4], 0.9),
    oil: stain(anywhere, [22, 38], [0.62, 0.55, 0.4], 0.3),
    rough,
  },
};
