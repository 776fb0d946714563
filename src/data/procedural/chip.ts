/**
 * An integrated circuit from above: a black moulded body with print, seven bent tin-plated legs on either
 * side, on a pale tray.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import type { Category, Fault } from "./category.ts";
import { contamination, crack, discolor, inBox, scratch, smear } from "./defects.ts";
import { lettering } from "./lettering.ts";
import { type Material, mixColor, primeMaterial, tintColor } from "./material.ts";
import { noiseField, smoothstep } from "./noise.ts";
import {
  blob,
  disc,
  fill,
  type Frame,
  frameAt,
  nearlyCentred,
  roundedBox,
  type Shape,
  union,
} from "./shapes.ts";

/** Half the body's sides, in units. */
const HALF_U = 92, HALF_V = 50;
const LEGS = 7, LEG_PITCH = 24, LEG_HALF = 6, LEG_LENGTH = 34;

const PRINT = union([lettering("ADTR", 6, -13, 21, 1.7), lettering("7402", 6, 17, 17, 1.4)]);
const BODY = roundedBox(0, 0, HALF_U, HALF_V, 5);
const LEG: Shape = union([
  roundedBox(0, -LEG_LENGTH / 4, LEG_HALF, LEG_LENGTH / 4 + 2, 1.5),
  roundedBox(0, LEG_LENGTH / 4, LEG_HALF * 0.62, LEG_LENGTH / 4 + 2, 1.5),
]);

/** One leg, its own v axis pointing away from the body. */
function paintLeg(m: Material, frame: Frame, grain: Float32Array): void {
  fill(
    m,
    { ...frame, x: frame.x + 4, y: frame.y + 5 },
    LEG,
    (i, a) => tintColor(m, i, [0.6, 0.6, 0.61], a),
    7,
  );
  fill(m, frame, LEG, (i, a, u, v) => {
    // Level out of the body, then bent down.
    const slope = smoothstep(-8, 2, v),
      tone = (0.74 - 0.3 * slope + 0.12 * smoothstep(10, 16, v)) * (1 + grain[i]);
    mixColor(m, i, [tone, tone, tone * 0.98], a);
    m.height[i] += a * (14 - 9 * slope + 1.2 * Math.sqrt(Math.max(0, 1 - (u / LEG_HALF) ** 2)));
    m.gloss[i] = 0.5 * a;
    m.cover[i] = Math.max(m.cover[i], a);
  });
}

/** The body with its notch, its dot and its print, which may lie wrongly. */
function paintBody(m: Material, frame: Frame, random: Random, print: Frame): void {
  const grain = noiseField(m.size, 2.2, 0.25, random.bits());
  fill(
    m,
    { ...frame, x: frame.x + 6, y: frame.y + 8 },
    BODY,
    (i, a) => tintColor(m, i, [0.5, 0.5, 0.52], a),
    14,
  );
  fill(m, frame, BODY, (i, a, _u, _v, d) => {
    const tone = 0.16 * (1 + grain[i]);
    mixColor(m, i, [tone, tone * 1.01, tone * 1.06], a);
    m.height[i] += (10 + 9 * smoothstep(0, -9, d) + 0.6 * grain[i] - m.height[i]) * a;
    m.gloss[i] += (0.16 - m.gloss[i]) * a;
    m.cover[i] = Math.max(m.cover[i], a);
  });
  for (
    const [dimple, depth] of [[disc(-HALF_U, 0, 13), 5], [disc(-HALF_U + 20, HALF_V - 20, 6), 2]] as const
  ) {
    fill(m, frame, dimple, (i, a, _u, _v, d) => {
      tintColor(m, i, [0.7, 0.7, 0.7], a * m.cover[i]);
      m.height[i] -= depth * smoothstep(0, -4, d) * m.cover[i];
    });
  }
  fill(m, print, PRINT, (i, a) => mixColor(m, i, [0.78, 0.78, 0.74], 0.85 * a * (1 + grain[i])));
}

/** A corner of the body has come off. */
function chipCorner(m: Material, frame: Frame, random: Random): void {
  const u = HALF_U * (random.below(2) * 2 - 1), v = HALF_V * (random.below(2) * 2 - 1);
  const r = random.range(22, 34), facets = noiseField(m.size, 11, 2.5, random.bits(), 2);
  fill(m, frame, blob(random, u, v, r, r * 0.8, 0.4), (i, a) => {
    const share = a * m.cover[i], tone = 0.3 + 0.05 * facets[i];
    mixColor(m, i, [tone, tone * 0.98, tone * 0.95], share);
    m.height[i] += (9 + facets[i] - m.height[i]) * share;
  });
}

/** A dual in-line package. */
export const chip: Category = {
  paint(m: Material, random: Random, fault?: Fault): Frame {
    primeMaterial(m, [0.71, 0.74, 0.71], 0.02, 0);
    const tray = noiseField(m.size, 3, 0.025, random.bits(), 2);
    for (let i = 0; i < tray.length; i++) tintColor(m, i, [0, 0, 0], -tray[i]);
    const frame = nearlyCentred(random, 3.5, 0.025);
    const grain = noiseField(m.size, 3, 0.07, random.bits());
    let bad = -1, badBend = 0;
    if (fault?.name === "missing_leg" || fault?.name === "bent_leg") {
      bad = fault.random.below(2 * LEGS);
      badBend = fault.random.range(0.45, 0.75) * (fault.random.below(2) * 2 - 1);
    }
    for (let k = 0; k < 2 * LEGS; k++) {
      const side = k < LEGS ? 1 : -1;
      const u = (k % LEGS - (LEGS - 1) / 2) * LEG_PITCH + random.range(-0.4, 0.4);
      if (k === bad && fault?.name === "missing_leg") continue;
      const v = side * (HALF_V + LEG_LENGTH / 2 - 4);
      const bend = k === bad ? badBend : 0;
      const turned = (side > 0 ? 0 : Math.PI) + Math.atan2(frame.sin, frame.cos) + bend;
      // A leg bends where it leaves the body, so its middle moves aside.
      const shift = -side * Math.sin(bend) * LEG_LENGTH * 0.45;
      const x = frame.x + frame.cos * (u + shift) - frame.sin * v;
      const y = frame.y + frame.sin * (u + shift) + frame.cos * v;
      paintLeg(m, frameAt(x, y, turned), grain);
    }
    const slip = fault?.name === "misprint" ? fault.random : undefined;
    const print = slip
      ? frameAt(frame.x + slip.range(8, 16), frame.y + slip.range(-9, 9), slip.range(0.08, 0.16))
      : frame;
    paintBody(m, frame, random, print);
    if (fault?.name === "chipped") chipCorner(m, frame, fault.random);
    return frame;
  },
  faults: ["missing_leg", "bent_leg", "misprint", "chipped"],
  flaws: {
    contamination: contamination(inBox(0, 0, 90, 45), [7, 13], [[0.78, 0.72, 0.55], [0.8, 0.8, 0.82]], [
      1,
      3,
    ]),
    crack: crack(inBox(0, 0, 60, 25), [50, 90], [3, 5], [0.5, 0.5, 0.5]),
    color: discolor(inBox(0, 0, 60, 25), [15, 26], [[1.9, 1.6, 1.2], [1.3, 1.5, 2.2]]),
    scratch: scratch(inBox(0, 0, 65, 32), [50, 110], [3, 5.5], [0.55, 0.55, 0.55]),
    smeared_print: smear(inBox(0, 0, 30, 14), [20, 30], 16),
  },
};
