/**
 * A machined steel gear from above, on a dark mat: turned faces, a bored hub with a keyway, four lightening
 * holes.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import type { Category, Fault } from "./category.ts";
import { contamination, crack, dent, inRing, rust, scratch, stain } from "./defects.ts";
import { type Material, mixColor, primeMaterial, tintColor } from "./material.ts";
import { hash01, noiseField, smoothstep } from "./noise.ts";
import { disc, fill, type Frame, nearlyCentred, type Shape } from "./shapes.ts";

const TEETH = 20;
/** Radii in units: root and tip of the teeth, inner edge of the rim, edge of the hub, bore. */
const ROOT = 94, TIP = 112, RIM = 80, HUB = 38, BORE = 20;
const HOLES = 4, HOLE_AT = 59, HOLE_RADIUS = 14;

/** What is left of each tooth, 1 whole … 0 gone. */
function outline(teeth: readonly number[]): Shape {
  return {
    box: [-TIP, -TIP, TIP, TIP],
    distance: (u, v) => {
      const r = Math.sqrt(u * u + v * v);
      if (r < 4) return BORE - r;
      const turn = (Math.atan2(v, u) / (2 * Math.PI) + 1) * TEETH;
      const nearest = Math.round(turn);
      // A tooth is a trapezium, 60 % of the pitch wide at its root and 30 % at its tip.
      const aside = Math.abs(turn - nearest) * 2 * Math.PI * r / TEETH;
      const high = ROOT + (TIP - ROOT) * teeth[nearest % TEETH];
      const flank = aside - 8.6 + 4.2 * (r - ROOT) / (TIP - ROOT);
      const tooth = Math.max(r - high, flank);
      let d = Math.min(r - ROOT, tooth);
      const keyway = Math.max(Math.abs(v) - 4.5, Math.abs(u - BORE) - 6);
      d = Math.max(d, BORE - r, -keyway);
      const quarter = 2 * Math.PI / HOLES, at = Math.atan2(v, u) - quarter / 2;
      const bearing = at - Math.round(at / quarter) * quarter;
      const du = r * Math.cos(bearing) - HOLE_AT, dv = r * Math.sin(bearing);
      return Math.max(d, HOLE_RADIUS - Math.sqrt(du * du + dv * dv));
    },
  };
}

/** A spur gear. */
export const gear: Category = {
  paint(m: Material, random: Random, fault?: Fault): Frame {
    primeMaterial(m, [0.2, 0.21, 0.23], 0.02, 0);
    const mat = noiseField(m.size, 4, 0.12, random.bits(), 2);
    for (let i = 0; i < mat.length; i++) tintColor(m, i, [0, 0, 0], -mat[i]);
    const frame = nearlyCentred(random, 3.5, 0.04);
    const clouds = noiseField(m.size, 40, 0.06, random.bits(), 2), turned = random.bits();
    const teeth: number[] = new Array(TEETH).fill(1);
    if (fault !== undefined) {
      const first = fault.random.below(TEETH);
      if (fault.name === "missing_teeth") { for (let k = 0; k < 2; k++) teeth[(first + k) % TEETH] = 0.05; }
      else teeth[first] = fault.random.range(0.35, 0.55);
    }
    const shape = outline(teeth);
    fill(m, { ...frame, x: frame.x + 5, y: frame.y + 6 }, shape, (i, a) => {
      tintColor(m, i, [0.45, 0.45, 0.45], a);
    }, 10);
    fill(m, frame, shape, (i, a, u, v, d) => {
      const r = Math.sqrt(u * u + v * v), isWeb = r > HUB && r < RIM;
      // Turning leaves concentric grooves, which glint as a cross.
      const groove = hash01(Math.round(r * 1.2), 0, turned) - 0.5;
      const sheen = r > ROOT ? 0 : Math.cos(2 * (Math.atan2(v, u) + 0.8)) * 0.13;
      const tone = (isWeb ? 0.52 : 0.64) * (1 + sheen + clouds[i] + 0.12 * groove);
      mixColor(m, i, [tone, tone * 1.005, tone * 1.02], a);
      const step = 4 * (smoothstep(HUB + 3, HUB, r) + smoothstep(RIM - 3, RIM, r));
      m.height[i] = a * (8 + step + 2.5 * smoothstep(0, -3.5, d) + 0.25 * groove);
      m.gloss[i] = 0.3 * a;
      m.cover[i] = a;
    });
    fill(m, frame, disc(0, 0, HUB + 2), (i, a, u, v) => {
      const ring = smoothstep(2.5, 0, Math.abs(Math.sqrt(u * u + v * v) - HUB));
      tintColor(m, i, [0.7, 0.7, 0.7], a * ring * m.cover[i]);
    });
    return frame;
  },
  faults: ["missing_teeth", "worn_tooth"],
  flaws: {
    contamination: contamination(inRing(30, 95), [7, 12], [[0.6, 0.45, 0.2], [0.75, 0.75, 0.72]], [1, 3]),
    crack: crack(inRing(70, 90), [50, 80], [3.5, 5.5], [0.1, 0.1, 0.1], 2),
    dent: dent(inRing(86, 90), [8, 12], 6),
    oil: stain(inRing(45, 80), [20, 32], [0.55, 0.48, 0.34], 0.2),
    rust: rust(inRing(40, 95), [20, 36]),
    scratch: scratch(inRing(40, 88), [50, 100], [3, 5], [0.92, 0.92, 0.94]),
  },
};
