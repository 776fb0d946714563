/**
 * A wood screw lying on a pale table in any direction: countersunk head, neck, threaded shank, tip.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import type { Category, Fault } from "./category.ts";
import { contamination, dent, discolor, inBox, rust, scratch } from "./defects.ts";
import { type Material, mixColor, primeMaterial, tintColor } from "./material.ts";
import { noiseField, smoothstep } from "./noise.ts";
import { fill, type Frame, frameAt, type Shape } from "./shapes.ts";

/** Along the axis, in units: end of the head, of its cone, start and end of the thread, tip. */
const LEFT = -98, CONE = -74, THREAD = -26, TAPER = 66, TIP = 98;
const HEAD_RADIUS = 27, NECK_RADIUS = 11.5, CREST = 4.5, PITCH = 11;

/** How the screw departs from a good one, along its axis in units. */
interface Damage {
  /** The thread is gone between these. */
  readonly flatFrom: number;
  readonly flatTo: number;
  /** Nothing is left from here on. */
  readonly end: number;
}

const WHOLE: Damage = { flatFrom: 0, flatTo: 0, end: TIP };

/** Radius of the screw's core at u. */
function coreRadius(u: number): number {
  if (u < CONE) {
    const t = smoothstep(LEFT + 5, CONE, u);
    return HEAD_RADIUS +
      (NECK_RADIUS - HEAD_RADIUS) * Math.max(0, (u - LEFT - 5) / (CONE - LEFT - 5)) * (0.6 + 0.4 * t);
  }
  const narrow = NECK_RADIUS - 2.5 * smoothstep(THREAD - 3, THREAD + 2, u);
  return u < TAPER ? narrow : narrow * (1 - 0.9 * (u - TAPER) / (TIP - TAPER));
}

/** How far the thread stands out at (u, v): a helix, so its crests run aslant. */
function crest(u: number, v: number, phase: number, damage: Damage): number {
  if (u < THREAD || (u > damage.flatFrom && u < damage.flatTo)) return 0;
  const turn = u / PITCH + 0.25 * v / NECK_RADIUS + phase;
  const t = Math.abs(turn - Math.floor(turn) - 0.5) * 2;
  const fade = smoothstep(THREAD, THREAD + 8, u) * (u > TAPER ? 1 - 0.75 * (u - TAPER) / (TIP - TAPER) : 1);
  return CREST * fade * smoothstep(0.45, 0.95, t);
}

function outline(phase: number, damage: Damage): Shape {
  return {
    box: [LEFT, -HEAD_RADIUS, TIP, HEAD_RADIUS],
    distance: (u, v) => {
      const radius = coreRadius(u) + crest(u, v, phase, damage);
      return Math.max(Math.abs(v) - radius, LEFT - u, u - damage.end);
    },
  };
}

/** A screw in any pose, as in MVTec-AD. */
export const screw: Category = {
  paint(m: Material, random: Random, fault?: Fault): Frame {
    primeMaterial(m, [0.76, 0.77, 0.77], 0, 0);
    const frame = frameAt(
      128 + random.range(-10, 10),
      128 + random.range(-10, 10),
      random.range(0, 2 * Math.PI),
    );
    const table = noiseField(m.size, 4, 0.02, random.bits(), 2);
    for (let i = 0; i < table.length; i++) tintColor(m, i, [0, 0, 0], -table[i]);
    const grain = noiseField(m.size, 3, 0.07, random.bits(), 2), phase = random.uniform();
    let damage = WHOLE;
    if (fault?.name === "thread") {
      const from = fault.random.range(THREAD + 8, TAPER - 32);
      damage = { ...WHOLE, flatFrom: from, flatTo: from + fault.random.range(20, 34) };
    } else if (fault?.name === "tip") damage = { ...WHOLE, end: TAPER + fault.random.range(0, 14) };
    const shape = outline(phase, damage);
    fill(m, { ...frame, x: frame.x + 5, y: frame.y + 7 }, shape, (i, a) => {
      tintColor(m, i, [0.58, 0.58, 0.59], a);
    }, 12);
    fill(m, frame, shape, (i, a, u, v) => {
      const core = coreRadius(u), thread = crest(u, v, phase, damage);
      const radius = core + thread, t = Math.min(1, Math.abs(v) / radius);
      const isRecess = u < LEFT + 5;
      const tone = (0.58 - (u > THREAD ? 0.14 * (1 - thread / CREST) : 0)) * (1 + grain[i]) *
        (isRecess ? 1.15 : 1) * (1 - 0.35 * t * t * t);
      mixColor(m, i, [tone * 1.03, tone, tone * 0.9], a);
      m.height[i] = a * (0.7 * radius * Math.sqrt(1 - t * t) + 0.5 * thread);
      m.gloss[i] = 0.55 * a;
      m.cover[i] = a;
    });
    return frame;
  },
  faults: ["thread", "tip"],
  flaws: {
    contamination: contamination(inBox(0, 0, 80, 8), [6, 10], [[0.25, 0.2, 0.15], [0.3, 0.4, 0.6]], [1, 2.4]),
    color: discolor(inBox(10, 0, 60, 3), [13, 20], [[0.5, 0.45, 0.45], [1.15, 0.85, 0.45]]),
    head: dent(inBox(LEFT + 10, 0, 4, 10), [8, 12], 9),
    rust: rust(inBox(10, 0, 70, 4), [16, 26]),
    scratch_neck: scratch(inBox((CONE + THREAD) / 2, 0, 12, 5), [24, 40], [3, 5], [0.95, 0.95, 0.93]),
  },
};
