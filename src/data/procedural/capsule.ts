/**
 * A two-coloured gelatine capsule lying on a pale table, with its print.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import type { Category, Fault } from "./category.ts";
import { contamination, crack, discolor, hole, inBox, scratch } from "./defects.ts";
import { lettering } from "./lettering.ts";
import { type Color, type Material, mixColor, primeMaterial, tintColor } from "./material.ts";
import { noiseField, smoothstep } from "./noise.ts";
import { fill, type Frame, frameAt, nearlyCentred, type Shape, stroke } from "./shapes.ts";

/** Half the length of the straight part, and the radius, in units. */
const HALF = 62, RADIUS = 44;
/** Where the cap ends, which is a little wider than the body. */
const SEAM = 8, CAP_EXTRA = 2;
const CAP: Color = [0.74, 0.3, 0.09], BODY: Color = [0.83, 0.79, 0.7];
const PRINT = lettering("500", 48, 0, 26, 2.1);

/** Pressed in from the side: at u by `depth` units over `reach` units; side 1 is below. */
interface Squeeze {
  readonly u: number;
  readonly side: number;
  readonly depth: number;
  readonly reach: number;
}

function outline(squeeze?: Squeeze): Shape {
  const reach = RADIUS + CAP_EXTRA;
  return {
    box: [-HALF - reach, -reach, HALF + reach, reach],
    distance: (u, v) => {
      const past = Math.max(0, Math.abs(u) - HALF);
      let d = Math.sqrt(past * past + v * v) - RADIUS - (u < SEAM ? CAP_EXTRA : 0);
      if (squeeze !== undefined && v * squeeze.side > 0) {
        const near = Math.max(0, 1 - ((u - squeeze.u) / squeeze.reach) ** 2);
        d += squeeze.depth * near * near * Math.min(1, v * squeeze.side / 20);
      }
      return d;
    },
  };
}

/** A filled hard capsule. */
export const capsule: Category = {
  paint(m: Material, random: Random, fault?: Fault): Frame {
    primeMaterial(m, [0.82, 0.83, 0.84], 0, 0);
    const frame = nearlyCentred(random, 4, 0.06);
    const table = noiseField(m.size, 5, 0.015, random.bits(), 2);
    for (let i = 0; i < table.length; i++) tintColor(m, i, [0, 0, 0], -table[i]);
    const powder = noiseField(m.size, 9, 0.05, random.bits(), 3),
      waves = noiseField(m.size, 40, 0.6, random.bits());
    let squeeze: Squeeze | undefined;
    let print: Frame | undefined = frame;
    if (fault?.name === "squeeze") {
      const r = fault.random;
      squeeze = {
        u: r.range(-60, 60),
        side: r.below(2) * 2 - 1,
        depth: r.range(12, 18),
        reach: r.range(30, 45),
      };
    } else if (fault?.name === "faulty_imprint") {
      const r = fault.random;
      print = r.below(3) === 0 ? undefined : frameAt(
        frame.x + r.range(-10, 8),
        frame.y + r.range(8, 14) * (r.below(2) * 2 - 1),
        r.range(-0.3, 0.3),
      );
    }
    const shape = outline(squeeze);
    fill(m, { ...frame, x: frame.x + 6, y: frame.y + 9 }, shape, (i, a) => {
      tintColor(m, i, [0.55, 0.54, 0.53], a);
    }, 22);
    fill(m, frame, shape, (i, a, u, _v, d) => {
      const isCap = u < SEAM, color = isCap ? CAP : BODY;
      const tone = (1 + powder[i]) * (0.8 + 0.2 * smoothstep(0, -12, d));
      mixColor(m, i, [color[0] * tone, color[1] * tone, color[2] * tone], a);
      // A half round seen from above, flatter than a circle so that its sides still get light.
      const t = Math.min(1, Math.max(0, -d / RADIUS));
      m.height[i] = a * (0.62 * RADIUS * Math.sqrt(t * (2 - t)) + (isCap ? 1.2 : 0) + waves[i]);
      m.gloss[i] = 0.6 * a;
      m.cover[i] = a;
    });
    // The cap's edge and the locking groove throw a fine line each.
    for (const [at, dark] of [[SEAM, 0.72], [-26, 0.86]] as const) {
      fill(m, frame, stroke([[at, -RADIUS, 0.8], [at, RADIUS, 0.8]]), (i, a) => {
        tintColor(m, i, [dark, dark, dark], a * m.cover[i]);
      }, 2.4);
    }
    if (print !== undefined) {
      fill(m, print, PRINT, (i, a) => mixColor(m, i, [0.2, 0.16, 0.15], 0.85 * a * m.cover[i]));
    }
    return frame;
  },
  faults: ["squeeze", "faulty_imprint"],
  flaws: {
    contamination: contamination(inBox(0, 0, 85, 25), [7, 12], [[0.2, 0.18, 0.16], [0.3, 0.42, 0.6]], [
      1,
      2.4,
    ]),
    crack: crack(inBox(0, 0, 70, 20), [50, 80], [3.5, 5.5], [0.2, 0.1, 0.07]),
    color: discolor(inBox(0, 0, 80, 20), [14, 25], [[0.55, 0.7, 1.1], [0.6, 0.5, 0.45]]),
    poke: hole(inBox(0, 0, 85, 22), [6, 10], [0.12, 0.08, 0.06]),
    scratch: scratch(inBox(0, 0, 75, 20), [45, 90], [3, 5], [0.93, 0.88, 0.82]),
  },
};
