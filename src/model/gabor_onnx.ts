/**
 * The built-in backbone of Gabor energies as ONNX nodes: the counterpart of gabor.ts and kernels/conv/gabor.wgsl, with
 * windows and pyramids as matrices and the bank as one convolution.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import { gaborFilters, ORIENTATIONS } from "../kernels/conv/gabor.ts";
import { type Axis, resized, type Tap } from "./axis.ts";
import { DEVIATION_LEVELS, LEVELS } from "./gabor.ts";
import { alongAxes } from "./onnx.ts";

const COLOURS = 3;
const TINY = 1e-10; // under every root
const HALVING = [1, 4, 6, 4, 1].map((weight) => weight / 16);

/** Planes [B, channels, side, side]. */
interface Planes {
  value: OnnxValue;
  channels: number;
  side: number;
}

/**
 * Features [B, C, H, H], in docs/method.md's order.
 *
 * @param images u8 RGB [B, S, S, 3]
 */
export function gaborOnnx(
  graph: OnnxGraph,
  name: "gabor" | "gabor2",
  images: OnnxValue,
  S: number,
  H: number,
): OnnxValue {
  const bank = bankOf(graph);
  const bring = ({ value, side }: Planes, log: boolean) => {
    const windows = side > H ? twiceTheStride(side, H) : resized(side, H);
    const brought = alongAxes(graph, value, windows, windows);
    return log ? graph.node("Log", [graph.node("Add", [brought, graph.scalar(0.002)])]) : brought;
  };
  const pyramid = [{ value: opponent(graph, images), channels: COLOURS, side: S }];
  while (pyramid.length < LEVELS) pyramid.push(halved(graph, pyramid[pyramid.length - 1]));
  const energies: OnnxValue[] = [], spreads: OnnxValue[] = [], again: OnnxValue[] = [];
  for (const [level, planes] of pyramid.entries()) {
    const moduli = bank(planes);
    energies.push(bring(moduli, true));
    if (level < DEVIATION_LEVELS) spreads.push(bring(deviation(graph, planes, H), true));
    if (name === "gabor") continue;
    // The luma's moduli, which come first, through the bank at every coarser level.
    let maps: Planes = { ...moduli, value: first(graph, moduli.value, ORIENTATIONS), channels: ORIENTATIONS };
    for (let coarser = level + 1; coarser < LEVELS; coarser++) {
      maps = halved(graph, maps);
      again.push(bring(bank(maps), true));
    }
  }
  return graph.node("Concat", [bring(pyramid[0], false), ...energies, ...spreads, ...again], { axis: 1 });
}

/** The first channels of planes. */
function first(graph: OnnxGraph, x: OnnxValue, count: number): OnnxValue {
  return graph.node("Slice", [x, graph.ints([0]), graph.ints([count]), graph.ints([1])]);
}

/** u8 RGB [B, S, S, 3] to the channels (R+G+B)/3, (R−G)/2, (R+G)/4 − B/2 of values in 0..1: [B, 3, S, S]. */
function opponent(graph: OnnxGraph, images: OnnxValue): OnnxValue {
  const weights = [[1 / 3, 1 / 2, 1 / 4], [1 / 3, -1 / 2, 1 / 4], [1 / 3, 0, -1 / 2]].flat();
  const matrix = graph.floats(Float32Array.from(weights, (weight) => weight / 255), [3, 3]);
  const planes = graph.node("MatMul", [graph.asFloats(images), matrix]);
  return graph.node("Transpose", [planes], { perm: [0, 3, 1, 2] });
}

/** An index of 0..n − 1 for one beyond the border, where planes are reflected without repeating the edge. */
function reflect(i: number, n: number): number {
  const period = Math.max(2 * n - 2, 1), folded = Math.abs(i) % period;
  return Math.min(folded, period - folded) % n;
}

/** Binomial blur, every second row and column. */
function halved(graph: OnnxGraph, { value, channels, side }: Planes): Planes {
  const half: Axis = {
    inputs: side,
    outputs: Math.ceil(side / 2),
    row: (i) => HALVING.map((weight, p) => ({ at: reflect(2 * i + p - 2, side), weight })),
  };
  return { value: alongAxes(graph, value, half, half), channels, side: half.outputs };
}

/** Moduli of the bank's responses, channels times orientations, orientation fastest. */
function bankOf(graph: OnnxGraph): (planes: Planes) => Planes {
  const { side: k, even, odd } = gaborFilters();
  const filters = graph.floats(Float32Array.from([...even, ...odd].flat()), [2 * ORIENTATIONS, 1, k, k]);
  return ({ value, channels, side }) => {
    const around = graph.ints(Array.from({ length: side + k - 1 }, (_, i) => reflect(i - (k - 1) / 2, side)));
    const padded = graph.node("Gather", [graph.node("Gather", [value, around], { axis: 2 }), around], {
      axis: 3,
    });
    const planes = graph.reshape(padded, [-1, 1, side + k - 1, side + k - 1]);
    const responses = graph.node("Conv", [planes, filters], { kernel_shape: [k, k] });
    const pairs = graph.reshape(responses, [-1, 2, ORIENTATIONS * side * side]);
    const squares = graph.node("ReduceSumSquare", [pairs], { axes: [1], keepdims: 0 });
    const moduli = graph.node("Sqrt", [graph.node("Add", [squares, graph.scalar(TINY)])]);
    return {
      value: graph.reshape(moduli, [-1, channels * ORIENTATIONS, side, side]),
      channels: channels * ORIENTATIONS,
      side,
    };
  };
}

/** Means over windows of twice the stride r = n/out: from ⌊ir − r/2⌋ to ⌈ir + 3r/2⌉. */
function twiceTheStride(n: number, out: number): Axis {
  const row = (i: number): Tap[] => {
    const first = Math.floor(n * (2 * i - 1) / (2 * out)), end = Math.ceil(n * (2 * i + 3) / (2 * out));
    return Array.from(
      { length: end - first },
      (_, p) => ({ at: reflect(first + p, n), weight: 1 / (end - first) }),
    );
  };
  return { inputs: n, outputs: out, row };
}

/**
 * Standard deviations in windows: of twice the stride, or of each pixel and its two neighbours where planes do not
 * shrink. Every window is written out, so that its own mean is taken off before squares are.
 */
function deviation(graph: OnnxGraph, { value, channels, side }: Planes, H: number): Planes {
  const windows = side > H ? twiceTheStride(side, H) : {
    inputs: side,
    outputs: side,
    row: (i: number) => [-1, 0, 1].map((t) => ({ at: reflect(i + t, side), weight: 1 / 3 })),
  };
  const all = Array.from({ length: windows.outputs }, (_, i) => windows.row(i)),
    out = all.length,
    K = Math.max(...all.map(({ length }) => length));
  const taps = all.flatMap((row) => Array.from({ length: K }, (_, k): Tap => row[k] ?? { at: 0, weight: 0 }));
  const at = graph.ints(taps.map(({ at }) => at));
  const rows = graph.node("Gather", [value, at], { axis: 2 });
  const pixels = graph.reshape(graph.node("Gather", [rows, at], { axis: 3 }), [0, channels, out, K, out, K]);
  const weights = Float32Array.from(taps, ({ weight }) => weight);
  const [down, across] = [[out, K, 1, 1], [out, K]].map((shape) => graph.floats(weights, shape));
  const axes = graph.ints([3, 5]), weighted = graph.node("Mul", [down, across]);
  const mean = graph.node("ReduceSum", [graph.node("Mul", [pixels, weighted]), axes], { keepdims: 1 });
  const centred = graph.node("Sub", [pixels, mean]);
  const squares = graph.node("Mul", [graph.node("Mul", [centred, centred]), weighted]);
  const variance = graph.node("ReduceSum", [squares, axes], { keepdims: 0 });
  const spread = graph.node("Sqrt", [graph.node("Add", [variance, graph.scalar(TINY)])]);
  return { value: spread, channels, side: out };
}
