/**
 * The nearest rows of a memory bank as ONNX nodes: the counterpart of bank.ts. Here too matrix products find a few more
 * candidates than wanted, and distances from differences decide among them.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../formats/onnx.ts";
import { lengths, unsqueezed } from "../model/onnx.ts";
import type { HostTensor } from "../optim/parameters.ts";
import { SPARE } from "./bank.ts";

/** Rows to be searched: one bank [rows, C] for all images, or each has its own, [B, rows, C]. */
export interface RowsOnnx {
  readonly rows: OnnxValue;
  /** Their squared lengths: [rows], or [B, 1, rows]. */
  readonly squares: OnnxValue;
  readonly count: number;
  /** Whether each image has its own. */
  readonly own: boolean;
}

/** The nearest rows of each query, nearest first. */
export interface NearestOnnx {
  /** Euclidean, [B, Q, k]. */
  readonly distances: OnnxValue;
  /** Their numbers, [B, Q, k]. */
  readonly rows: OnnxValue;
}

/** A bank's rows, which are less its mean. */
export function rowsOnnx(graph: OnnxGraph, { data, shape: [count, C] }: HostTensor): RowsOnnx {
  return {
    rows: graph.floats(data, [count, C]),
    squares: graph.floats(squaredLengths(data, C)),
    count,
    own: false,
  };
}

/** The squared length of each row of C values, summed in float64. */
export function squaredLengths(data: Float32Array, C: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: data.length / C },
    (_, row) => data.subarray(row * C, (row + 1) * C).reduce((sum, v) => sum + v * v, 0),
  );
}

/** Queries less the bank's mean, [B, Q, C]. */
export function centredOnnx(graph: OnnxGraph, queries: OnnxValue, mean: HostTensor): OnnxValue {
  return graph.node("Sub", [queries, graph.floats(mean.data)]);
}

/** The k nearest rows of queries [B, Q, C], less the bank's mean as the rows are. */
export function nearestOnnx(
  graph: OnnxGraph,
  queries: OnnxValue,
  { rows, squares, count, own }: RowsOnnx,
  k: number,
): NearestOnnx {
  const turned = graph.node("Transpose", [rows], { perm: own ? [0, 2, 1] : [1, 0] });
  const products = graph.node("MatMul", [graph.node("Mul", [queries, graph.scalar(-2)]), turned]);
  const orders = graph.node("Add", [products, squares]);
  const [, candidates] = smallest(graph, orders, Math.min(count, k + SPARE));
  const picked = own
    ? graph.node("GatherND", [rows, unsqueezed(graph, candidates, 3)], { batch_dims: 1 })
    : graph.node("Gather", [rows, candidates], { axis: 0 }); // [B, Q, candidates, C]
  const apart = lengths(graph, graph.node("Sub", [unsqueezed(graph, queries, 2), picked]));
  const [distances, order] = smallest(graph, apart, k);
  return { distances, rows: graph.node("GatherElements", [candidates, order], { axis: 2 }) };
}

/** The k smallest values along the last axis of x, smallest first, and where they are. */
function smallest(graph: OnnxGraph, x: OnnxValue, k: number): OnnxValue[] {
  return graph.nodes("TopK", [x, graph.ints([k])], { axis: -1, largest: 0, sorted: 1 }, 2);
}
