/**
 * A brown glass bottle from above, on a lit table: rings of shoulder, wall and lip around the dark inside.
 * Everything but its flaws is a function of the radius.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import type { Category } from "./category.ts";
import { contamination, type Defect, discolor, fibre, inRing, scratch, type Span, stain } from "./defects.ts";
import { type Color, type Material, mixColor, primeMaterial, tintColor } from "./material.ts";
import { cellular, noiseField, smoothstep } from "./noise.ts";
import { disc, fill, type Frame, type Knot, nearlyCentred, stroke } from "./shapes.ts";

/** Outer radius, middle of the lip and half the lip's width, in units. */
const RADIUS = 106, LIP = 72, LIP_HALF = 13;

/** Colour at radii in units; in between it is interpolated. */
const STOPS: readonly (readonly [number, Color])[] = [
  [0, [0.62, 0.4, 0.16]],
  [22, [0.5, 0.3, 0.11]],
  [38, [0.3, 0.16, 0.06]],
  [47, [0.09, 0.05, 0.03]],
  [51, [0.06, 0.035, 0.025]],
  [53, [0.4, 0.25, 0.11]],
  [55, [0.08, 0.045, 0.03]],
  [59, [0.12, 0.07, 0.035]],
  [64, [0.27, 0.155, 0.065]],
  [74, [0.33, 0.19, 0.08]],
  [81, [0.15, 0.085, 0.04]],
  [85, [0.035, 0.025, 0.02]],
  [88, [0.06, 0.035, 0.025]],
  [91, [0.36, 0.22, 0.09]],
  [94, [0.13, 0.07, 0.035]],
  [100, [0.08, 0.045, 0.03]],
  [103, [0.2, 0.12, 0.06]],
  [106, [0.04, 0.03, 0.025]],
];

/** Colour and height of the glass by radius, `STEPS` entries a unit. */
const STEPS = 4;
const PROFILE = Array.from({ length: RADIUS * STEPS + 1 }, (_, k) => {
  const r = k / STEPS;
  const above = Math.max(1, STOPS.findIndex((s) => s[0] >= r));
  const [r0, c0] = STOPS[above - 1], [r1, c1] = STOPS[above];
  const t = smoothstep(r0, r1, r);
  const lip = 4 * Math.sqrt(Math.max(0, 1 - ((r - LIP) / LIP_HALF) ** 2));
  const shoulder = 5 * Math.sqrt(Math.max(0, 1 - (Math.max(0, r - 86) / 21) ** 2));
  const well = -4 * smoothstep(58, 46, r);
  return {
    color: [0, 1, 2].map((c) => c0[c] + (c1[c] - c0[c]) * t),
    height: lip + shoulder + well,
    gloss: r > 57 ? 0.75 : 0.25,
  };
});

/** Reflections of lamps, as arcs: radius, first angle, length in radians, half width in units, strength. */
const WINDOWS: readonly (readonly [number, number, number, number, number])[] = [
  [74, -2.75, 1.15, 4, 0.8],
  [74, -1.45, 0.3, 3.4, 0.6],
  [70, 0.35, 0.9, 2, 0.4],
  [97, -2.6, 0.9, 3, 0.6],
  [98, 0.45, 0.6, 2, 0.35],
  [57, 0.3, 0.9, 1.6, 0.5],
];

/** A piece of the lip has broken off: facets of bare glass, pale and dark. */
function broken(angle: Span, halfWidth: Span): Defect {
  return (m, frame, random) => {
    const from = random.range(0, 2 * Math.PI),
      length = random.range(...angle),
      half = random.range(...halfWidth);
    const radius = LIP + random.range(0, 4);
    const ragged = noiseField(m.size, 9, 4, random.bits(), 2);
    const { border, id } = cellular(m.size, 13, random.bits(), noiseField(m.size, 12, 4, random.bits()));
    const knots = Array.from({ length: 9 }, (_, k): Knot => {
      const at = from + length * k / 8;
      return [radius * Math.cos(at), radius * Math.sin(at), half * (0.45 + 0.55 * Math.sin(Math.PI * k / 8))];
    });
    fill(m, frame, stroke(knots), (i, _a, _u, _v, d) => {
      const inside = -2 - d - ragged[i], a = smoothstep(-0.7 * m.unit, 0.7 * m.unit, inside);
      const facet = id[i] * (0.75 + 0.5 * smoothstep(0, 0.4, border[i])), bright = facet * facet;
      mixColor(m, i, [0.14 + 0.6 * bright, 0.09 + 0.56 * bright, 0.06 + 0.46 * bright], a);
      mixColor(m, i, [0.8, 0.72, 0.56], 0.5 * a * smoothstep(5, 0, inside));
      m.height[i] += (2 * facet - 3 - m.height[i]) * a;
      m.gloss[i] += (0.5 * facet - m.gloss[i]) * a;
    });
  };
}

/** Mouth of a bottle, seen from straight above. */
export const bottle: Category = {
  paint(m: Material, random: Random): Frame {
    primeMaterial(m, [0.9, 0.9, 0.89], 0, 0);
    const frame = nearlyCentred(random, 4, 0.5);
    const waves = noiseField(m.size, 26, 0.12, random.bits(), 2);
    const lean = random.range(0, 2 * Math.PI), uneven = random.range(0.3, 1);
    const glow = random.range(0.85, 1.15);
    fill(m, { ...frame, x: frame.x + 5, y: frame.y + 6 }, disc(0, 0, RADIUS), (i, a) => {
      tintColor(m, i, [0.66, 0.64, 0.62], a);
    }, 22);
    fill(m, frame, disc(0, 0, RADIUS), (i, a, u, v) => {
      const r = Math.sqrt(u * u + v * v);
      // The wall's thickness varies around the bottle, so its rings are not quite round.
      const bent = r + uneven * (u * Math.cos(lean) + v * Math.sin(lean)) * 0.012 + 3 * waves[i];
      const ring = PROFILE[Math.round(STEPS * Math.min(RADIUS, Math.max(0, bent)))];
      const tone = (1 + waves[i]) * (r < 50 ? glow : 1);
      mixColor(m, i, [ring.color[0] * tone, ring.color[1] * tone, ring.color[2] * tone], a);
      m.height[i] = ring.height * a;
      m.gloss[i] = ring.gloss * a;
      m.cover[i] = a;
    });
    for (const [radius, from, length, width, strength] of WINDOWS) {
      const knots = Array.from({ length: 13 }, (_, k): Knot => {
        const angle = from + length * k / 12;
        return [
          radius * Math.cos(angle),
          radius * Math.sin(angle),
          width * Math.sqrt(Math.sin(Math.PI * k / 12)),
        ];
      });
      // The lamps stay where they are, however the bottle is turned.
      fill(
        m,
        { ...frame, cos: 1, sin: 0 },
        stroke(knots),
        (i, a) => mixColor(m, i, [0.95, 0.94, 0.91], strength * a),
        0.9 * width,
      );
    }
    return frame;
  },
  faults: [],
  flaws: {
    broken_large: broken([0.7, 1.3], [15, 22]),
    broken_small: broken([0.25, 0.45], [10, 14]),
    contamination: contamination(inRing(0, 34), [10, 18], [[0.86, 0.85, 0.8], [0.62, 0.64, 0.66]], [1, 2.4]),
    fibre: fibre(inRing(20, 75), [70, 120], [4, 6], [[0.85, 0.84, 0.8], [0.6, 0.7, 0.85], [0.75, 0.2, 0.15]]),
    film: discolor(inRing(0, 40), [20, 32], [[1.4, 1.9, 2.8], [0.45, 0.6, 0.8]]),
    residue: stain(inRing(62, 82), [18, 28], [2.4, 3, 3.6]),
    scratch: scratch(inRing(66, 90), [50, 90], [4, 7], [0.85, 0.8, 0.7]),
  },
};
