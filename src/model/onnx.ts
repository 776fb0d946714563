/**
 * What ONNX exporters of networks and methods share: layers as graph nodes. Maps are [B, C, H, W] there.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import type { Act } from "../kernels/conv/act.ts";
import type { ConvValues } from "../kernels/conv/frozen.ts";
import { type Axis, matrixOf } from "./axis.ts";
import { transpose } from "./layout.ts";

/** A map with as many rows as columns, [B, channels, side, side]. */
export interface OnnxMap {
  readonly value: OnnxValue;
  readonly channels: number;
  readonly side: number;
}

/** x [..., in] · weightᵀ [in, out], and the bias where there is one. */
export function linear(
  graph: OnnxGraph,
  x: OnnxValue,
  weight: Float32Array,
  [out, inputs]: readonly [out: number, inputs: number],
  bias?: Float32Array<ArrayBuffer>,
): OnnxValue {
  const y = graph.node("MatMul", [x, graph.floats(transpose(weight, out, inputs), [inputs, out])]);
  return bias ? graph.node("Add", [y, graph.floats(bias)]) : y;
}

/** An activation. */
export function activated(graph: OnnxGraph, x: OnnxValue, act: Act): OnnxValue {
  switch (act) {
    case "none":
      return x;
    case "relu":
      return graph.node("Relu", [x]);
    case "relu6":
      return graph.node("Clip", [x, graph.scalar(0), graph.scalar(6)]);
    case "sigmoid":
      return graph.node("Sigmoid", [x]);
    case "silu":
      return graph.node("Mul", [x, graph.node("Sigmoid", [x])]);
    default:
      throw new RangeError(`Expected an activation that is exported, but found ${JSON.stringify(act)}`);
  }
}

/** What there is to a convolution besides its values. */
export interface ConvOnnxOptions {
  readonly stride?: number;
  /** Zeros before and after an axis; (kernel − 1) / 2 by default. */
  readonly padding?: readonly [before: number, after: number];
  readonly act?: Act;
  readonly depthwise?: boolean;
  /** Added before the activation. */
  readonly skip?: OnnxValue;
}

/** A convolution with its activation. */
export function convolved(
  graph: OnnxGraph,
  x: OnnxValue,
  { weight, bias, out, kernel }: Omit<ConvValues, "in">,
  { stride = 1, padding, act = "none", depthwise, skip }: ConvOnnxOptions = {},
): OnnxValue {
  const [before, after] = padding ?? [(kernel - 1) / 2, (kernel - 1) / 2];
  const filters = graph.floats(weight, [out, weight.length / out / kernel ** 2, kernel, kernel]);
  const y = graph.node("Conv", [x, filters, graph.floats(bias)], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [before, before, after, after],
    group: depthwise ? out : 1,
  });
  return activated(graph, skip ? graph.node("Add", [y, skip]) : y, act);
}

/** Linear maps along the rows' and the columns' axis of x [..., H, W], by matrix products. */
export function alongAxes(graph: OnnxGraph, x: OnnxValue, vertical: Axis, horizontal: Axis): OnnxValue {
  const H = vertical.outputs, W = horizontal.outputs;
  const across = graph.floats(transpose(matrixOf(horizontal), W, horizontal.inputs), [horizontal.inputs, W]);
  const down = graph.floats(matrixOf(vertical), [H, vertical.inputs]);
  return graph.node("MatMul", [down, graph.node("MatMul", [x, across])]);
}

/** Maps [B, C, H, W] as positions [B, N, C]. */
export function positionsOf(graph: OnnxGraph, maps: OnnxValue, C: number): OnnxValue {
  return graph.node("Transpose", [graph.reshape(maps, [0, C, -1])], { perm: [0, 2, 1] });
}

/** Positions [B, N, C] as maps [B, C, H, W]. */
export function mapsFrom(
  graph: OnnxGraph,
  positions: OnnxValue,
  { C, H, W }: { C: number; H: number; W: number },
): OnnxValue {
  return graph.reshape(graph.node("Transpose", [positions], { perm: [0, 2, 1] }), [0, C, H, W]);
}

/** With an axis of one value more. */
export function unsqueezed(graph: OnnxGraph, x: OnnxValue, axis: number): OnnxValue {
  return graph.node("Unsqueeze", [x, graph.ints([axis])]);
}

/** Euclidean lengths over one axis, which goes: the last by default. */
export function lengths(graph: OnnxGraph, x: OnnxValue, axis = -1): OnnxValue {
  return graph.node("ReduceL2", [x], { axes: [axis], keepdims: 0 });
}
