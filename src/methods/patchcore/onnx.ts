/**
 * `patchcore` as ONNX nodes.
 *
 * @module
 */
import type { OnnxGraph, OnnxValue } from "../../formats/onnx.ts";
import type { FeatureSizes } from "../../model/batches.ts";
import { lengths, mapsFrom, positionsOf, unsqueezed } from "../../model/onnx.ts";
import type { HostBank } from "../bank.ts";
import { centredOnnx, type NearestOnnx, nearestOnnx, type RowsOnnx, rowsOnnx } from "../bank_onnx.ts";
import { mapsOnnx, scoresOnnx } from "../maps_onnx.ts";
import type { OnnxScores, ScoreSettings } from "../method.ts";

/** Sizes of a model, of its patches, and b: how many rows weigh an image's score. */
type Sizes = FeatureSizes & { patch: number; neighbours: number };

/** Maps and scores of features [B, N, C]. */
export function patchcoreOnnx(
  graph: OnnxGraph,
  sizes: Sizes,
  bank: HostBank,
  features: OnnxValue,
  settings: ScoreSettings,
): OnnxScores {
  const patches = centredOnnx(graph, pooled(graph, features, sizes), bank.mean);
  const rows = rowsOnnx(graph, bank.rows), nearest = nearestOnnx(graph, patches, rows, 1);
  const map = mapsOnnx(graph, nearest.distances, sizes, settings);
  const score = settings.image_rule === "map"
    ? scoresOnnx(graph, map, settings)
    : weighted(graph, sizes, patches, nearest, rows);
  return { map, score };
}

/** Features as patches: means of their neighbourhoods, of the positions that are in the map, or themselves. */
function pooled(graph: OnnxGraph, features: OnnxValue, sizes: Sizes): OnnxValue {
  if (sizes.patch === 1) return features;
  const means = graph.node("AveragePool", [mapsFrom(graph, features, sizes)], {
    kernel_shape: [3, 3],
    strides: [1, 1],
    pads: [1, 1, 1, 1],
    count_include_pad: 0,
  });
  return positionsOf(graph, means, sizes.C);
}

/** The paper's score of an image: of its farthest patch m, weighted by how m* stands among its neighbours. */
function weighted(
  graph: OnnxGraph,
  { H, W, neighbours }: Sizes,
  patches: OnnxValue,
  nearest: NearestOnnx,
  bank: RowsOnnx,
): OnnxValue {
  const [distances, rows] = [nearest.distances, nearest.rows].map((value) =>
    graph.reshape(value, [-1, H * W])
  );
  const s = graph.node("ReduceMax", [distances], { axes: [1], keepdims: 1 }); // [B, 1]
  if (bank.count === 1) return graph.reshape(s, [-1]);
  const farthest = graph.node("ArgMax", [distances], { axis: 1, keepdims: 1 });
  const star = graph.node("GatherElements", [rows, farthest], { axis: 1 });
  const stars = graph.node("Gather", [bank.rows, star], { axis: 0 }); // [B, 1, C]
  const others = nearestOnnx(graph, stars, bank, Math.min(neighbours, bank.count)).rows; // [B, 1, b]
  const around = graph.node("Gather", [bank.rows, others], { axis: 0 }); // [B, 1, b, C]
  const m = graph.node("GatherND", [patches, unsqueezed(graph, farthest, 2)], { batch_dims: 1 }); // [B, 1, C]
  const apart = graph.reshape(lengths(graph, graph.node("Sub", [unsqueezed(graph, m, 2), around])), [0, -1]);
  const shares = graph.node("Exp", [graph.node("Sub", [apart, s])]);
  const sum = graph.node("ReduceSum", [shares, graph.ints([1])], { keepdims: 1 });
  const weight = graph.node("Sub", [graph.scalar(1), graph.node("Reciprocal", [sum])]);
  return graph.reshape(graph.node("Mul", [weight, s]), [-1]);
}
