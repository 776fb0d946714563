/**
 * Interlaced threads: twilled cloth (`weave`) where they touch, wire mesh (`grid`) where they do not. The warp
 * runs along y, the weft along x, before both are turned.
 *
 * @module
 */
import type { Random } from "../../hash.ts";
import type { Category, Fault } from "./category.ts";
import { anywhere, contamination, cut, discolor, fibre, glue, hole, stain } from "./defects.ts";
import { type Color, type Material, SIDE } from "./material.ts";
import { hash01, noiseField, smoothstep } from "./noise.ts";
import { type Frame, IMAGE_FRAME } from "./shapes.ts";

interface Threads {
  /** Units from thread to thread. */
  readonly pitch: number;
  /** Crossings that a thread stays on top: 1 plain weave, 2 twill. */
  readonly float: number;
  /** Share of the pitch that a thread fills; at 1 threads touch. */
  readonly width: number;
  /** Angle of the threads to the image's axes in radians. */
  readonly angle: number;
  /** How far threads wander, in pitches. */
  readonly slack: number;
  /** Height of the waves that threads make, in units. */
  readonly crimp: number;
  readonly warp: Color;
  readonly weft: Color;
  /** Light that reaches what lies under a missing thread, 0..1. */
  readonly belowGap: number;
  /** What is seen between threads. */
  readonly ground: Color;
  readonly gloss: number;
  /** Unevenness of the surface, 0..1. */
  readonly fuzz: number;
  /** Depth of the twist's stripes and of the difference between threads, 0..1. */
  readonly twist: number;
}

/** A piece of thread that is missing, in thread numbers. */
interface Gap {
  readonly axis: 0 | 1;
  readonly thread: number;
  readonly from: number;
  readonly to: number;
}

/** A place where threads are pushed aside, in units. */
interface Push {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly byX: number;
  readonly byY: number;
}

function drawGaps(t: Threads, random: Random, count: number, length: readonly [number, number]): Gap[] {
  const [x, y] = anywhere(random), axis = random.below(2) as 0 | 1;
  const cos = Math.cos(t.angle), sin = Math.sin(t.angle);
  const u = Math.floor((cos * x + sin * y) / t.pitch), v = Math.floor((cos * y - sin * x) / t.pitch);
  const [thread, middle] = axis === 0 ? [u, v] : [v, u];
  return Array.from({ length: count }, (_, k) => {
    const half = random.range(...length) / 2;
    return { axis, thread: thread + k, from: middle + 0.5 - half, to: middle + 0.5 + half };
  });
}

function drawPush(random: Random, radius: readonly [number, number], strength: number): Push {
  const [x, y] = anywhere(random);
  const angle = random.range(0, 2 * Math.PI), r = random.range(...radius);
  return { x, y, radius: r, byX: strength * r * Math.cos(angle), byY: strength * r * Math.sin(angle) };
}

/** Whether a gap takes away this thread here. */
function isMissing(gaps: readonly Gap[], axis: 0 | 1, thread: number, along: number): boolean {
  for (const g of gaps) {
    if (g.axis === axis && g.thread === thread && along > g.from && along < g.to) return true;
  }
  return false;
}

function paintThreads(m: Material, t: Threads, random: Random, gaps: readonly Gap[], push?: Push): void {
  const { size, unit, rgb, height, gloss, cover } = m;
  const cos = Math.cos(t.angle), sin = Math.sin(t.angle);
  const phaseU = random.uniform(), phaseV = random.uniform(), seed = random.bits();
  const wanderU = noiseField(size, 40, t.slack, random.bits(), 2);
  const wanderV = noiseField(size, 40, t.slack, random.bits(), 2);
  const fuzz = noiseField(size, 3, t.fuzz, random.bits());
  const thickness = t.pitch * t.width * 0.35;
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      let px = (x + 0.5) * unit, py = (y + 0.5) * unit;
      if (push !== undefined) {
        const dx = (px - push.x) / push.radius, dy = (py - push.y) / push.radius;
        const near = Math.max(0, 1 - dx * dx - dy * dy) ** 2;
        px += push.byX * near, py += push.byY * near;
      }
      const u = (cos * px + sin * py) / t.pitch + wanderU[i] + phaseU;
      const v = (cos * py - sin * px) / t.pitch + wanderV[i] + phaseV;
      const iu = Math.floor(u), iv = Math.floor(v), fu = u - iu - 0.5, fv = v - iv - 0.5;
      // Waves of the two threads, 1 on top and −1 below, going through 0 where they change sides.
      const waveU = Math.sin(Math.PI * (v + iu) / t.float), waveV = -Math.sin(Math.PI * (u + iv) / t.float);
      let shareU = 1, shareV = 1, light = 1;
      if (t.width < 1) {
        shareU = smoothstep(0.75, -0.75, (Math.abs(fu) - t.width / 2) * t.pitch / unit);
        shareV = smoothstep(0.75, -0.75, (Math.abs(fv) - t.width / 2) * t.pitch / unit);
      }
      if (gaps.length > 0) {
        if (isMissing(gaps, 0, iu, v)) shareU = 0, light = t.belowGap;
        if (isMissing(gaps, 1, iv, u)) shareV = 0, light = t.belowGap;
      }
      const roundU = Math.max(0, 1 - (2 * fu / t.width) ** 2);
      const roundV = Math.max(0, 1 - (2 * fv / t.width) ** 2);
      const topU = shareU > 0 ? t.crimp * waveU + thickness * Math.sqrt(roundU) : -99;
      const topV = shareV > 0 ? t.crimp * waveV + thickness * Math.sqrt(roundV) : -99;
      const isWarp = topU > topV;
      const round = isWarp ? roundU : roundV, share = isWarp ? shareU : shareV;
      const along = isWarp ? v : u, across = isWarp ? fu : fv;
      const own = hash01(isWarp ? iu : iv, isWarp ? 1 : 2, seed) - 0.5;
      const stripes = Math.sin(2 * Math.PI * (2 * along + 1.5 * across));
      const color = isWarp ? t.warp : t.weft;
      // Deep places and the sides of threads get less light.
      const open = light * (0.6 + 0.4 * smoothstep(0, 0.45, round)) *
        (0.62 + 0.38 * smoothstep(-t.crimp, t.crimp + thickness, isWarp ? topU : topV));
      const tone = (1 + t.twist * (0.12 * stripes + 0.25 * own) + fuzz[i]) * open;
      for (let c = 0; c < 3; c++) {
        rgb[3 * i + c] = t.ground[c] * (1 + fuzz[i]) * (1 - share) + color[c] * tone * share;
      }
      height[i] = share > 0 ? Math.max(topU, topV) * share - thickness * (1 - share) : -thickness;
      gloss[i] = t.gloss * share;
      cover[i] = share;
    }
  }
}

const CLOTH: Threads = {
  pitch: 9.6,
  float: 2,
  width: 1,
  angle: 0.06,
  slack: 0.14,
  crimp: 1.3,
  warp: [0.47, 0.5, 0.55],
  weft: [0.66, 0.64, 0.6],
  belowGap: 0.6,
  ground: [0.14, 0.14, 0.15],
  gloss: 0.03,
  fuzz: 0.1,
  twist: 0.8,
};

/** Woollen cloth, grey in beige. */
export const weave: Category = {
  paint(m: Material, random: Random, fault?: Fault): Frame {
    const gaps = fault?.name === "missing_thread" ? drawGaps(CLOTH, fault.random, 3, [7, 14]) : [];
    const push = fault?.name === "pulled" ? drawPush(fault.random, [30, 44], 0.5) : undefined;
    paintThreads(m, CLOTH, random, gaps, push);
    // Cloth is all one thing, gaps included.
    m.cover.fill(1);
    return IMAGE_FRAME;
  },
  faults: ["missing_thread", "pulled"],
  flaws: {
    color: discolor(anywhere, [22, 42], [[1.15, 0.7, 0.65], [0.65, 0.85, 1.2], [0.8, 1.05, 0.65]]),
    cut: cut(anywhere, [60, 110], [9, 16], [0.07, 0.06, 0.06]),
    hole: hole(anywhere, [14, 25], [0.05, 0.05, 0.05]),
    metal_contamination: contamination(anywhere, [8, 14], [[0.75, 0.76, 0.78]], [2, 4], 0.9),
    stain: stain(anywhere, [24, 44], [0.5, 0.42, 0.34]),
    thread: fibre(anywhere, [80, 140], [5, 8], [[0.75, 0.14, 0.12], [0.9, 0.88, 0.82], [0.12, 0.2, 0.5]]),
  },
};

const WIRES: Threads = {
  pitch: SIDE / 10,
  float: 1,
  width: 0.22,
  angle: Math.PI / 4,
  slack: 0.025,
  crimp: 2,
  warp: [0.5, 0.51, 0.52],
  weft: [0.5, 0.51, 0.52],
  belowGap: 1,
  ground: [0.8, 0.79, 0.77],
  gloss: 0.7,
  fuzz: 0.025,
  twist: 0.2,
};

/** Wire mesh before a light wall. */
export const grid: Category = {
  paint(m: Material, random: Random, fault?: Fault): Frame {
    const gaps = fault?.name === "broken" ? drawGaps(WIRES, fault.random, 1, [2, 4]) : [];
    const push = fault?.name === "bent" ? drawPush(fault.random, [34, 50], 0.2) : undefined;
    paintThreads(m, WIRES, random, gaps, push);
    return IMAGE_FRAME;
  },
  faults: ["broken", "bent"],
  flaws: {
    glue: glue(anywhere, [15, 26], [1, 1.6]),
    metal_contamination: contamination(anywhere, [7, 13], [[0.42, 0.4, 0.38], [0.75, 0.6, 0.3]], [1, 3], 0.7),
    rust: stain(anywhere, [30, 48], [0.95, 0.45, 0.2]),
    thread: fibre(anywhere, [70, 130], [3.5, 5.5], [[0.15, 0.2, 0.45], [0.6, 0.15, 0.15], [0.2, 0.2, 0.2]]),
  },
};
