/**
 * Host side of gabor.wgsl: the pieces of the built-in backbone (docs/method.md §8), each over planes [P, h, w].
 * tests/golden/gabor.py defines every border and window.
 *
 * @module
 */
import type { Compute } from "../../gpu/compute.ts";
import type { Kernel } from "../../gpu/kernel.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import source from "./gabor.wgsl" with { type: "text" };

/** Orientations of the bank: k · 30°. */
export const ORIENTATIONS = 6;

const RADIUS = 4;
const SIGMA = 1.7; // pixels
const OMEGA = 2 * Math.PI * 0.25; // radians a pixel
const COSINES = [1, Math.sqrt(0.75), 0.5, 0]; // of 0°, 30°, 60°, 90°; backwards, their sines

const text = bankConstants() + source;
const kernel = (entry: string): Kernel => ({ name: `gabor ${entry}`, source: text, entry });
const HALVE = kernel("halve");
const ROWS = kernel("rows");
const COLUMNS = kernel("columns");
const DEVIATION = kernel("deviation");
const BRING = kernel("bring");
const NONE = { h: 0, w: 0, H: 0, W: 0, group: 1, pitch: 1, C: 0, first: 0, logarithm: 0 };

/** The isotropic envelope along an axis. */
function envelope(t: number): number {
  return Math.exp(-t * t / (2 * SIGMA * SIGMA));
}

/** A filter's points with the envelope e and the phase u there, row by row from the top left. */
function pointsOf(cosine: number, sine: number): { e: number; u: number }[] {
  return Array.from({ length: (2 * RADIUS + 1) ** 2 }, (_, at) => {
    const x = at % (2 * RADIUS + 1) - RADIUS, y = Math.floor(at / (2 * RADIUS + 1)) - RADIUS;
    return { e: envelope(x) * envelope(y), u: OMEGA * (x * cosine + y * sine) };
  });
}

/** The even filter's share of the envelope, which makes its sum zero; one over the L1 norms of both filters. */
function scalesOf(points: readonly { e: number; u: number }[]): { dc: number; even: number; odd: number } {
  const sum = (value: (point: { e: number; u: number }) => number) =>
    points.reduce((s, p) => s + value(p), 0);
  const dc = sum(({ e, u }) => e * Math.cos(u)) / sum(({ e }) => e);
  const even = 1 / sum(({ e, u }) => e * Math.abs(Math.cos(u) - dc));
  return { dc, even, odd: 1 / sum(({ e, u }) => e * Math.abs(Math.sin(u))) };
}

/** The bank as filters of `side` × `side` pixels, to be correlated with planes: an even and an odd one an orientation. */
export function gaborFilters(): { side: number; even: number[][]; odd: number[][] } {
  const filters = Array.from({ length: ORIENTATIONS }, (_, k) => {
    const quarter = k < COSINES.length ? k : ORIENTATIONS - k; // beyond 90° the mirror image
    const points = pointsOf((k === quarter ? 1 : -1) * COSINES[quarter], COSINES[3 - quarter]);
    return { points, ...scalesOf(points) };
  });
  return {
    side: 2 * RADIUS + 1,
    even: filters.map(({ points, dc, even }) => points.map(({ e, u }) => even * e * (Math.cos(u) - dc))),
    odd: filters.map(({ points, odd }) => points.map(({ e, u }) => odd * e * Math.sin(u))),
  };
}

/** The filters' factors and scales, as WGSL constants on one line. */
function bankConstants(): string {
  const vec4 = (of: (component: number) => number) =>
    `vec4f(${[0, 1, 2, 3].map((i) => of(i).toExponential(16))})`;
  const table = (wave: (phase: number) => number) =>
    `array<vec4f, 5>(${[0, 1, 2, 3, 4].map((t) => vec4((i) => envelope(t) * wave(OMEGA * t * COSINES[i])))})`;
  const scales = COSINES.map((cosine, i) => scalesOf(pointsOf(cosine, COSINES[3 - i])));
  return [
    `const COS = ${table(Math.cos)};`,
    `const SIN = ${table(Math.sin)};`,
    `const DC = ${vec4((i) => scales[i].dc)};`,
    `const EVEN = ${vec4((i) => scales[i].even)};`,
    `const ODD = ${vec4((i) => scales[i].odd)};`,
  ].join(" ");
}

/**
 * One level down the pyramid: binomial blur, every second row and column. [P, h, w] → [P, ⌈h/2⌉, ⌈w/2⌉].
 *
 * @param planes takes the first `take` of every `of` planes; all of them by default
 */
export function halve(
  gpu: Compute,
  x: Tensor,
  planes: { take: number; of: number } = { take: 1, of: 1 },
): Tensor {
  const [P, h, w] = x.shape;
  const H = Math.ceil(h / 2), W = Math.ceil(w / 2);
  const y = gpu.empty([P / planes.of * planes.take, H, W], "a pyramid's level");
  const params = { ...NONE, h, w, H, W, group: planes.take, pitch: planes.of };
  gpu.stream.dispatch(HALVE, { x, y }, params, [Math.ceil(W / 64), H, y.shape[0]]);
  return y;
}

/** Moduli of the Gabor bank's six complex responses: [P, h, w] → [P · 6, h, w], orientation fastest. */
export function moduli(gpu: Compute, x: Tensor): Tensor {
  const [P, h, w] = x.shape;
  const halfway = gpu.empty([P, h, w, 8], "half-filtered planes");
  const y = gpu.empty([P * ORIENTATIONS, h, w], "moduli");
  const grid = [Math.ceil(w / 64), h, P] as const;
  gpu.stream.dispatch(ROWS, { x, halfway }, { ...NONE, h, w }, grid);
  gpu.stream.dispatch(COLUMNS, { halfway, y }, { ...NONE, h, w }, grid);
  gpu.release(halfway);
  return y;
}

/**
 * Standard deviation in the windows of {@linkcode bring}: [P, h, w] → [P, min(h, H), min(w, W)]. Along an axis that
 * does not shrink, over each pixel and its two neighbours.
 */
export function deviation(gpu: Compute, x: Tensor, H: number, W: number): Tensor {
  const [P, h, w] = x.shape;
  const size = { H: Math.min(h, H), W: Math.min(w, W) };
  const y = gpu.empty([P, size.H, size.W], "deviations");
  gpu.stream.dispatch(DEVIATION, { x, y }, { ...NONE, h, w, ...size }, [Math.ceil(size.H * size.W / 64), P]);
  return y;
}

/** Where brought planes go in the features [B, H·W, C]. */
export interface Slice {
  H: number;
  W: number;
  /** The first image and the first channel. */
  image: number;
  channel: number;
  /** How many planes, one after the other, belong to an image. */
  planes: number;
  /** Whether to take log(x + 0.002). */
  log: boolean;
}

/** Brings planes [P, h, w] to H×W: means over windows of twice the stride, or bilinear along an axis that grows. */
export function bring(gpu: Compute, x: Tensor, features: Tensor, slice: Slice): void {
  const [P, h, w] = x.shape;
  const { H, W, image, channel, planes, log } = slice;
  const [, N, C] = features.shape;
  if (N !== H * W) throw new RangeError(`Expected features [B, ${H * W}, C], but found [${features.shape}]`);
  const params = {
    ...NONE,
    h,
    w,
    H,
    W,
    group: planes,
    C,
    first: image * N * C + channel,
    logarithm: log ? 1 : 0,
  };
  gpu.stream.dispatch(BRING, { x, y: features }, params, [Math.ceil(N / 64), P]);
}
