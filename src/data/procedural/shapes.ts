/**
 * Outlines as signed distances (negative inside), and the one loop that paints them with soft edges. Objects
 * and defects are drawn from these; a frame holds an object's pose.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import { type Material, SIDE } from "./material.ts";
import { smoothstep } from "./noise.ts";

/** A pose: local coordinates (u, v) in units, turned by the angle, then moved to (x, y). */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly cos: number;
  readonly sin: number;
}

/** A frame at (x, y) in units, turned by `angle` radians. */
export function frameAt(x: number, y: number, angle = 0): Frame {
  return { x, y, cos: Math.cos(angle), sin: Math.sin(angle) };
}

/** The image's own coordinates, origin in the upper left corner. */
export const IMAGE_FRAME: Frame = frameAt(0, 0);

/** A nearly fixed pose: the image's middle, shifted by up to `shift` units and turned by up to `turn` radians. */
export function nearlyCentred(random: Random, shift: number, turn: number): Frame {
  return frameAt(
    SIDE / 2 + random.range(-shift, shift),
    SIDE / 2 + random.range(-shift, shift),
    random.range(-turn, turn),
  );
}

/** An outline. */
export interface Shape {
  /** Box that holds it: left, top, right, bottom in units. */
  readonly box: readonly [number, number, number, number];
  /** Distance to the outline in units, about right near it; negative inside. */
  distance(u: number, v: number): number;
}

/** Called for every pixel i that is touched, with its coverage in 0..1, local coordinates and distance. */
export type Brush = (i: number, cover: number, u: number, v: number, distance: number) => void;

/**
 * Calls the brush for all pixels that the shape covers.
 * @param softness width in units over which the coverage falls from 1 to 0; at least a pixel and a half
 */
export function fill(m: Material, frame: Frame, shape: Shape, brush: Brush, softness = 0): void {
  const { size, unit } = m;
  const half = Math.max(1.5 * unit, softness) / 2;
  const [left, top, right, bottom] = shape.box;
  let x0 = size, x1 = -1, y0 = size, y1 = -1;
  for (let corner = 0; corner < 4; corner++) {
    const u = corner & 1 ? right + half : left - half, v = corner & 2 ? bottom + half : top - half;
    const x = (frame.x + frame.cos * u - frame.sin * v) / unit;
    const y = (frame.y + frame.sin * u + frame.cos * v) / unit;
    x0 = Math.min(x0, Math.floor(x)), x1 = Math.max(x1, Math.ceil(x));
    y0 = Math.min(y0, Math.floor(y)), y1 = Math.max(y1, Math.ceil(y));
  }
  for (let y = Math.max(0, y0); y <= Math.min(size - 1, y1); y++) {
    const dy = (y + 0.5) * unit - frame.y;
    for (let x = Math.max(0, x0); x <= Math.min(size - 1, x1); x++) {
      const dx = (x + 0.5) * unit - frame.x;
      const u = frame.cos * dx + frame.sin * dy, v = frame.cos * dy - frame.sin * dx;
      const d = shape.distance(u, v);
      if (d < half) brush(y * size + x, d <= -half ? 1 : 1 - smoothstep(-half, half, d), u, v, d);
    }
  }
}

/** A circle's inside. */
export function disc(u: number, v: number, radius: number): Shape {
  return {
    box: [u - radius, v - radius, u + radius, v + radius],
    distance: (a, b) => Math.sqrt((a - u) ** 2 + (b - v) ** 2) - radius,
  };
}

/** A rectangle with rounded corners, given by its middle and half its sides. */
export function roundedBox(u: number, v: number, halfU: number, halfV: number, round: number): Shape {
  return {
    box: [u - halfU, v - halfV, u + halfU, v + halfV],
    distance: (a, b) => {
      const p = Math.abs(a - u) - halfU + round, q = Math.abs(b - v) - halfV + round;
      const outside = Math.sqrt(Math.max(p, 0) ** 2 + Math.max(q, 0) ** 2);
      return outside + Math.min(0, Math.max(p, q)) - round;
    },
  };
}

/** An irregular closed outline around (u, v), `ru` by `rv` before it is turned at random; rough in 0..1. */
export function blob(random: Random, u: number, v: number, ru: number, rv: number, rough: number): Shape {
  const turn = random.range(0, Math.PI), cos = Math.cos(turn), sin = Math.sin(turn);
  const amplitude = Array.from(
    { length: 6 },
    (_, k) => rough * random.range(0.3, 1) * 0.45 / Math.sqrt(k + 2),
  );
  const phase = amplitude.map(() => random.range(0, 2 * Math.PI));
  const reach = Math.max(ru, rv) * (1 + amplitude.reduce((a, b) => a + b, 0));
  return {
    box: [u - reach, v - reach, u + reach, v + reach],
    distance: (a, b) => {
      const p = (cos * (a - u) + sin * (b - v)) / ru, q = (cos * (b - v) - sin * (a - u)) / rv;
      const angle = Math.atan2(q, p);
      let radius = 1;
      for (let k = 0; k < 6; k++) radius += amplitude[k] * Math.cos((k + 2) * angle + phase[k]);
      return (Math.sqrt(p * p + q * q) - Math.max(0.3, radius)) * Math.min(ru, rv);
    },
  };
}

/** A point of a line: u, v and half its width there, in units. */
export type Knot = readonly [number, number, number];

/** A line through the knots, its half width interpolated between them. */
export function stroke(knots: readonly Knot[]): Shape {
  const reach = Math.max(...knots.map((k) => k[2]));
  const us = knots.map((k) => k[0]), vs = knots.map((k) => k[1]);
  return {
    box: [Math.min(...us) - reach, Math.min(...vs) - reach, Math.max(...us) + reach, Math.max(...vs) + reach],
    distance: (a, b) => {
      let best = Infinity;
      for (let k = 1; k < knots.length; k++) {
        const [u0, v0, w0] = knots[k - 1], [u1, v1, w1] = knots[k];
        const du = u1 - u0, dv = v1 - v0;
        const t = Math.min(1, Math.max(0, ((a - u0) * du + (b - v0) * dv) / (du * du + dv * dv + 1e-9)));
        const d = Math.sqrt((a - u0 - t * du) ** 2 + (b - v0 - t * dv) ** 2) - w0 - t * (w1 - w0);
        if (d < best) best = d;
      }
      return best;
    },
  };
}

/** Several outlines as one. */
export function union(shapes: readonly Shape[]): Shape {
  const boxes = shapes.map((s) => s.box);
  return {
    box: [
      Math.min(...boxes.map((b) => b[0])),
      Math.min(...boxes.map((b) => b[1])),
      Math.max(...boxes.map((b) => b[2])),
      Math.max(...boxes.map((b) => b[3])),
    ],
    distance: (a, b) => {
      let best = Infinity;
      for (const shape of shapes) best = Math.min(best, shape.distance(a, b));
      return best;
    },
  };
}

/** A crack's zigzag from (u, v) on, `length` units long, thinner towards its end. */
export function zigzag(
  random: Random,
  u: number,
  v: number,
  length: number,
  halfWidth: number,
  angle: number,
): Shape {
  const steps = 14, knots: Knot[] = [[u, v, halfWidth]];
  for (let k = 1; k <= steps; k++) {
    const [a, b] = knots[k - 1], heading = angle + random.range(-0.9, 0.9);
    const step = length / steps;
    knots.push([a + step * Math.cos(heading), b + step * Math.sin(heading), halfWidth * (1.05 - k / steps)]);
  }
  return stroke(knots);
}

/**
 * A wandering line around (u, v).
 * @param length its length in units
 * @param halfWidth in the middle; the ends taper to a fifth of it
 * @param wander 0 straight … 1 curly
 * @param angle direction of its start in radians
 */
export function wandering(
  random: Random,
  u: number,
  v: number,
  length: number,
  halfWidth: number,
  wander: number,
  angle: number = random.range(0, 2 * Math.PI),
): Shape {
  const steps = 12, knots: Knot[] = [];
  let heading = angle, turn = random.range(-1, 1) * wander * 0.22;
  // Half the way back, so that (u, v) is the line's middle.
  let a = u - Math.cos(heading) * length / 2, b = v - Math.sin(heading) * length / 2;
  for (let k = 0; k <= steps; k++) {
    const taper = 0.2 + 0.8 * Math.sin(Math.PI * k / steps);
    knots.push([a, b, halfWidth * taper]);
    turn = 0.8 * turn + random.range(-1, 1) * wander * 0.25;
    heading += turn;
    a += Math.cos(heading) * length / steps;
    b += Math.sin(heading) * length / steps;
  }
  return stroke(knots);
}
